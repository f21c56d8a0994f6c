# An application of Rack's. UPSTREAM_PORT is in the environment.
require_relative 'ruby_upstream'

run ->(env) { [200, { 'Content-Type' => 'text/plain' }, [Upstream.serve(env['PATH_INFO'].split('/').last)]] }
