# WEBrick, whose threads give each request to a pool's by a Queue, and wait for the answer. PORT; UPSTREAM_PORT is in the
# environment.
require 'webrick'
require_relative 'ruby_upstream'

THREADS = 16
$jobs = Queue.new

THREADS.times do
  Thread.new do
    loop do
      number, answer = $jobs.pop
      Upstream.call(number, 'a')
      sleep(rand * 0.005)
      Upstream.call(number, 'b')
      answer << number
    end
  end
end

def serve(number)
  answer = Queue.new
  $jobs << [number, answer]
  answer.pop
end

server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, AccessLog: [],
                                 Logger: WEBrick::Log.new(nil, 0), MaxClients: 200)
server.mount_proc('/r/') { |request, response| response.body = serve(request.path.split('/').last) }
trap('TERM') { server.shutdown }
server.start
