/* The bridge into Node.js: which request is a call made for? One thread serves all of them, and goes from one to the other
 * by timers and promises; Node alone can tell, by its AsyncLocalStorage. The other half is node_bridge.c.
 *
 * This script is loaded by --require, before the program: node.c has put that into NODE_OPTIONS, and the first thing done
 * here is to put NODE_OPTIONS back. Then one listener waits for the first request that is served. A program that serves
 * none pays for no more than that: no request can be the parent of what it calls.
 *
 * Which request was read: 'http.server.request.start' is published in the parser's callback, before the program hears of
 * the request. save() finds it by the descriptor of its connection, in the order in which requests came in on that: with
 * pipelining as well, and whatever was read since.
 *
 * Who makes a call: what is asked is the context in which a request was created, not the one in which its bytes happen to
 * be written. The writing may be done by an event of another request: a socket that became free, one that was connected
 * for somebody else, undici's queue. So the socket remembers for whom it writes: from ClientRequest.prototype.onSocket,
 * which Node calls in the creator's context (the agent restores it for requests that were queued), or from undici's
 * channels. What writes by itself, past both, goes by the context at the time.
 *
 * Why it is safe: the library is told, never asks. A call into V8 from connect(2) or write(2) would be one from the middle
 * of the event loop, where there may be no JavaScript on the stack, or from a garbage collection, a thread of the pool, the
 * end of a worker. Instead the functions of the handle that send and connect are wrapped: they leave the context's bytes
 * in a cell, which is plain memory that the library reads, and take them away when they are back. What libuv sends by
 * itself later is the rest of something, never a head: who connects, or has something unsent, is not written to.
 * Hooks before and after each callback (async_hooks) would cost much more than that.
 *
 * Nothing that is thrown here reaches the program; if anything is missing, it runs as ever, without the bridge. */
'use strict';

const { env, dlopen, getBuiltinModule = require } = process;

/* Ours stands first. Nothing behind it: there was no NODE_OPTIONS. */
(() => {
  const parts = /^--require [^ ]*run-traced-node[^/ ]*\.cjs( (.*))?$/s.exec(env.NODE_OPTIONS);
  if (parts && parts[1] === undefined)
    delete env.NODE_OPTIONS;
  else if (parts)
    env.NODE_OPTIONS = parts[2];
  delete require.cache[__filename];
})();

const { apply, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf, set } = Reflect;
const { getOwnPropertySymbols, prototype: { hasOwnProperty } } = Object;
const SENDERS = ['writeBuffer', 'writev', 'writeUtf8String', 'writeAsciiString', 'writeLatin1String', 'writeUcs2String'];
const CONNECTORS = ['connect', 'connect6'];
const has = (object, name) => apply(hasOwnProperty, object, [name]);

/* Replaces object[name] by make(what it was), which looks the same. */
function replace(object, name, make) {
  const was = getOwnPropertyDescriptor(object, name);
  if (!was || typeof was.value !== 'function' || !was.configurable)
    return;
  const value = make(was.value);
  defineProperty(value, 'name', getOwnPropertyDescriptor(was.value, 'name'));
  defineProperty(value, 'length', getOwnPropertyDescriptor(was.value, 'length'));
  defineProperty(object, name, { ...was, value });
}

function load() {
  const native = { exports: {} };
  apply(dlopen, process, [native, 'librun-traced.so']); /* by its soname: it is loaded already, or not to be found */
  return native.exports;
}

/* What a thread needs to tell the library who works for what. undefined: there can be no bridge. */
function begin() {
  const native = load();
  const cell = new Uint8Array(native.size);
  const cellLen = new Uint32Array(cell.buffer, 0, 1);
  const { AsyncLocalStorage } = getBuiltinModule('async_hooks');
  if (!native.attach(cell))
    return undefined;
  const take = (isThere) => {
    const context = isThere ? cell.slice(0, cellLen[0]) : undefined;
    cellLen[0] = 0;
    return context;
  };
  return { ...native, cell, cellLen, take, storage: new AsyncLocalStorage() };
}

const ownerOf = (handle) => getOwnPropertySymbols(handle).find((symbol) => symbol.description === 'owner_symbol');

/* @handle: of any connection. From now on what is sent and connected is told of; returns whether that can be. */
function watchCalls({ cell, cellLen, storage }, handle) {
  const owner = ownerOf(handle);
  const { ClientRequest } = getBuiltinModule('http');
  if (!owner || !ClientRequest.prototype.onSocket)
    return false;
  const writesFor = new WeakMap(); /* socket -> context, or null: none */
  const createdBy = new WeakMap(); /* undici's request -> context */
  const wrapped = new WeakSet();

  const contextOf = (socket) => {
    if (socket === undefined || socket === null || socket.server)
      return undefined; /* answers have no parent */
    const context = writesFor.get(socket);
    return context === undefined ? storage.getStore() : context;
  };
  const carry = (original) => function() {
    const context = contextOf(this[owner]);
    if (!context)
      return apply(original, this, arguments);
    cell.set(context);
    try {
      return apply(original, this, arguments);
    } finally {
      cellLen[0] = 0;
    }
  };
  const wrap = (stream) => {
    for (let at = stream; at && !wrapped.has(at); at = getPrototypeOf(at)) {
      wrapped.add(at);
      if (at !== stream && has(at, 'writeLatin1String'))
        SENDERS.forEach((name) => replace(at, name, carry));
      else if (at !== stream && has(at, 'connect') && has(at, 'listen'))
        CONNECTORS.forEach((name) => replace(at, name, carry));
    }
  };
  const writeFor = (socket, context) => writesFor.set(socket, context || null);

  wrap(handle);
  replace(ClientRequest.prototype, 'onSocket', (original) => function(socket) {
    if (socket) {
      writeFor(socket, storage.getStore());
      if (socket._handle && !wrapped.has(getPrototypeOf(socket._handle)))
        wrap(socket._handle);
    }
    return apply(original, this, arguments);
  });
  listen('undici:request:create', ({ request }) => createdBy.set(request, storage.getStore()));
  /* With something unsent, several heads may go out in one: nobody can say whose. */
  listen('undici:client:sendHeaders', ({ request, socket }) =>
    writeFor(socket, socket.writableLength ? null : createdBy.get(request)));
  return true;
}

/* Returns what is to be called with each request that is read. */
function watchRequests({ save, take, storage }) {
  /* What comes later of the request, its body and its end, are events of the connection's parser. Where contexts go with
   * async_hooks (before Node 24), the parser's is the one just entered; else it is entered again for each of them. */
  const isByHooks = typeof storage._enable === 'function';
  const reenter = (request, context) => {
    const { push } = request;
    defineProperty(request, 'push', { configurable: true, writable: true, value: function() {
      storage.enterWith(context);
      return apply(push, this, arguments);
    } });
  };

  return (fd, request) => {
    const context = take(save(fd));
    storage.enterWith(context);
    if (!isByHooks && context)
      reenter(request, context);
  };
}

/* ---- tests ----
 *
 * In a process that runs a file of tests for `node --test`. No function of ours may be on the stack when the program's
 * run, since the runner prints stacks: a test begins when its runner asks for its arguments, and ends when it hands
 * itself to its parent, with a result; both are back before anything of the program's is called. Its function, and the
 * hooks for it, run in the async scope of an object that takes its context along from when it was made: that is put
 * right there. The class is Node's own, and nobody else's to see: an async hook finds it when the file's first test is
 * made, and is gone then. */

/* As in test_span.h. */
const PASS = 1;
const FAIL = 2;
const SKIPPED = 3;

function resultOf({ passed, skipped, isTodo }) {
  if (skipped || (isTodo && !passed))
    return SKIPPED;
  return passed ? PASS : FAIL;
}

/* "file > suite > test", as Node's fullName has it: [all, all but the last]. */
function namesOf(test) {
  const names = [];
  for (let at = test; at.parent; at = at.parent)
    names.unshift(`${at.name}`);
  const directory = `${process.cwd()}/`;
  const file = `${process.argv[1] || ''}`;
  names.unshift(file.startsWith(directory) ? file.slice(directory.length) : file);
  return [names.join(' > '), names.slice(0, -1).join(' > ')];
}

function watchTests(prototype) {
  const { beginTest, endTest, cell, take, storage } = bridge;
  const { AsyncResource } = getBuiltinModule('async_hooks');
  const open = new WeakMap(); /* test -> its id and context */
  const testOf = new WeakMap(); /* what a test's functions are called with -> test */
  const wrapped = new WeakSet();
  const contextOf = (test) => (open.get(test) || {}).context;

  /* What runs in @resource's scope works for @context. */
  const carryIn = (resource, context) => {
    const donor = storage.run(context, () => new AsyncResource('Test', { requireManualDestroy: true }));
    for (const symbol of getOwnPropertySymbols(donor))
      if (symbol === storage.kResourceStore || symbol.description === 'context_frame')
        resource[symbol] = donor[symbol];
  };
  const beginOnce = (test) => {
    if (!test.parent || test.hookType || test.filtered || open.has(test))
      return;
    let outer = test.parent;
    while (outer && !contextOf(outer))
      outer = outer.parent;
    if (outer)
      cell.set(contextOf(outer));
    const id = beginTest(...namesOf(test));
    const context = take(id);
    open.set(test, { id, context });
    carryIn(test, context);
  };
  const watchHooks = (hook) => {
    const hooks = getPrototypeOf(hook);
    if (hooks === prototype || wrapped.has(hooks))
      return;
    wrapped.add(hooks);
    replace(hooks, 'getRunArgs', (original) => function() {
      const given = apply(original, this, arguments);
      quietly(() => carryIn(this, contextOf(testOf.get(given.ctx))));
      return given;
    });
  };

  replace(prototype, 'getRunArgs', (original) => function() {
    const given = apply(original, this, arguments);
    quietly(() => {
      testOf.set(given.ctx, this);
      beginOnce(this);
      for (const { hooks } of this.parent ? [this, this.parent] : [this])
        [...hooks.beforeEach, ...hooks.afterEach].forEach(watchHooks);
    });
    return given;
  });
  replace(prototype, 'addReadySubtest', (original) => function(test) {
    quietly(() => {
      const { id } = open.get(test) || {};
      if (id)
        endTest(id, resultOf(test));
    });
    return apply(original, this, arguments);
  });
}

/* Calls @use with the handle of @socket, which has none yet, before it connects. */
function onceItHasHandle(socket, use) {
  const prototype = getPrototypeOf(socket);
  if (has(socket, '_handle') || !('_handle' in prototype))
    return;
  defineProperty(socket, '_handle', {
    configurable: true,
    get() {
      const handle = get(prototype, '_handle', socket);
      if (handle && ownerOf(handle)) {
        delete socket._handle;
        quietly(() => use(handle));
      }
      return handle;
    },
    set(value) {
      set(prototype, '_handle', value, socket);
    },
  });
}

function waitForTests() {
  const { createHook } = getBuiltinModule('async_hooks');
  const hook = createHook({ init(id, type, trigger, resource) {
    if (type !== 'Test')
      return;
    quietly(() => {
      let at = resource;
      while (at && !has(at, 'addReadySubtest'))
        at = getPrototypeOf(at);
      if (!at || !has(at, 'getRunArgs'))
        return;
      hook.disable();
      if (theBridge())
        watchTests(at);
    });
  } });
  hook.enable();
  listen('net.client.socket', ({ socket }) => {
    if (!areCallsWatched && bridge)
      onceItHasHandle(socket, watchCallsOnce);
  });
}

function quietly(work) {
  try {
    work();
  } catch {
    /* It goes on without us. */
  }
}

function listen(name, listener) {
  const diagnostics = getBuiltinModule('diagnostics_channel');
  const careful = (message) => quietly(() => listener(message));
  if (diagnostics.subscribe)
    diagnostics.subscribe(name, careful);
  else
    hold(diagnostics.channel(name)).subscribe(careful);
}

/* Before 16.17 and 18.7, Node forgets a channel that nobody holds, with its listeners. */
function hold(channel) {
  defineProperty(channel.constructor, Symbol(channel.name), { value: channel });
  return channel;
}

let bridge; /* null: there can be none */
let areCallsWatched = false;
let enter;

function theBridge() {
  if (bridge === undefined) {
    bridge = null;
    bridge = begin() || null;
  }
  return bridge;
}

function watchCallsOnce(handle) {
  areCallsWatched = areCallsWatched || watchCalls(bridge, handle);
  return areCallsWatched;
}

try {
  if (env.NODE_TEST_CONTEXT && getBuiltinModule('worker_threads').isMainThread && load().hasTests())
    waitForTests();
  listen('http.server.request.start', ({ request, socket }) => {
    const handle = socket && socket._handle;
    if (!handle || !(handle.fd >= 0) || !theBridge() || !watchCallsOnce(handle))
      return;
    enter = enter || watchRequests(bridge);
    enter(handle.fd, request);
  });
} catch {
  /* No diagnostics_channel: a Node that is too old. */
}
