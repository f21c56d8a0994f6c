/* The bridge into Node.js: which request is a call made for? One thread serves all of them, and goes from one to the other
 * by timers and promises; Node alone can tell, by its AsyncLocalStorage. The other half is node.c.
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

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
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

/* @handle: of the first connection that a request came in on. Returns what is to be called with each one's, or undefined
 * if there can be no bridge. */
function begin(handle) {
  const native = { exports: {} };
  apply(dlopen, process, [native, 'librun-traced.so']); /* by its soname: it is loaded already, or not to be found */
  const { attach, save, size } = native.exports;
  const cell = new Uint8Array(size);
  const cellLen = new Uint32Array(cell.buffer, 0, 1);
  const owner = getOwnPropertySymbols(handle).find((symbol) => symbol.description === 'owner_symbol');
  const { AsyncLocalStorage } = getBuiltinModule('async_hooks');
  const { ClientRequest } = getBuiltinModule('http');
  if (!owner || !ClientRequest.prototype.onSocket || !attach(cell))
    return undefined;

  const storage = new AsyncLocalStorage();
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
    const len = save(fd);
    const context = len ? cell.slice(0, len) : undefined;
    cellLen[0] = 0;
    storage.enterWith(context);
    if (!isByHooks && context)
      reenter(request, context);
  };
}

function listen(name, listener) {
  const diagnostics = getBuiltinModule('diagnostics_channel');
  const careful = (message) => {
    try {
      listener(message);
    } catch {
      /* It goes on without us. */
    }
  };
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

let enter; /* null: there can be no bridge */

try {
  listen('http.server.request.start', ({ request, socket }) => {
    const handle = socket && socket._handle;
    if (enter === null || !handle || !(handle.fd >= 0))
      return;
    if (enter === undefined) {
      enter = null;
      enter = begin(handle) || null;
    }
    if (enter)
      enter(handle.fd, request);
  });
} catch {
  /* No diagnostics_channel: a Node that is too old. */
}
