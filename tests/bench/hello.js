// A tiny server: node hello.js PORT
require("node:http")
  .createServer((_request, response) => response.end("Hello, world!\n"))
  .listen(Number(process.argv[2]), "127.0.0.1");
