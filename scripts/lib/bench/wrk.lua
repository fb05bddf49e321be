-- Posts one body for ever: wrk -s wrk.lua URL -- BODY-FILE HEADER-FILE, the latter with lines "name: value".
-- Prints one line of JSON at the end; latencies in microseconds.

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

function init(args)
  wrk.method = 'POST'
  wrk.body = read(args[1])
  for name, value in read(args[2]):gmatch('([^:\n]+): ([^\n]*)') do
    wrk.headers[name] = value
  end
  request_bytes = wrk.format()
end

function request()
  return request_bytes
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"durationUs":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
