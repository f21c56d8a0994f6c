# A thread for each connection. GET /thread/N starts one more, which asks upstream for the same after the answer; GET /pool/N
# has it asked by one of a pool's, by a Queue, before the answer. Arguments: the upstream port, and a file for the own one.
require 'net/http'
require 'socket'

UPSTREAM = ARGV[0].to_i
JOBS = Queue.new

def call(path)
  Net::HTTP.start('127.0.0.1', UPSTREAM) { |http| http.get(path) }
end

def serve(path)
  if path.start_with?('/thread')
    Thread.new { sleep(rand * 0.01); call(path) }
  else
    JOBS << [path, done = Queue.new]
    done.pop
  end
end

4.times do
  Thread.new do
    loop do
      path, done = JOBS.pop
      call(path)
      done << true
    end
  end
end

server = TCPServer.new('127.0.0.1', 0)
File.write(ARGV[1], server.addr[1])
loop do
  Thread.new(server.accept) do |client|
    while (line = client.gets)
      nil until client.gets == "\r\n"
      serve(line.split[1])
      client.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    end
    client.close
  end
end
