# What the Ruby servers share: a request's calls, by net/http over a connection that the thread keeps.
require 'net/http'

module Upstream
  PORT = ENV.fetch('UPSTREAM_PORT').to_i

  def self.call(number, what)
    Thread.current[:upstream] ||= Net::HTTP.start('127.0.0.1', PORT)
    Thread.current[:upstream].get("/up/#{number}/#{what}").body
  end

  # Makes both calls. A thread calls /up/N/after, when the answer is out.
  def self.serve(number)
    call(number, 'a')
    sleep(rand * 0.005)
    call(number, 'b')
    Thread.new do
      sleep(0.01)
      call(number, 'after')
      Thread.current[:upstream].finish
    end
    number
  end
end
