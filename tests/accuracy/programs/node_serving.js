// What the Node servers share: serve(port, call), where call(path) gives a promise of the answer's text.
'use strict';
const http = require('http');
const {setTimeout: wait} = require('timers/promises');

exports.serve = (port, call) => {
  http.createServer(async (request, response) => {
    const number = request.url.split('/').pop();
    await call(`/up/${number}/a`);
    await wait(Math.random() * 5);
    await call(`/up/${number}/b`);
    response.setHeader('Content-Length', number.length);
    response.end(number);
    if (number % 2) setImmediate(() => call(`/up/${number}/after`));
    else setTimeout(() => call(`/up/${number}/after`), 5);
  }).listen(port, '127.0.0.1', 512);
};
