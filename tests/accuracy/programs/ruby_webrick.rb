# WEBrick: a thread for each connection. PORT; UPSTREAM_PORT is in the environment.
require 'webrick'
require_relative 'ruby_upstream'

server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [],
                                 Logger: WEBrick::Log.new(nil, 0), MaxClients: 200)
server.mount_proc('/r/') { |request, response| response.body = Upstream.serve(request.path.split('/').last) }
trap('TERM') { server.shutdown }
server.start
