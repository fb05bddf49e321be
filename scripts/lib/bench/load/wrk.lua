-- Posts one body for ever: wrk -s wrk.lua URL -- BODY-FILE HEADER-FILE. The latter holds lines "name: value" in one or
-- more blocks, an empty line between them; each post takes the next block.
-- Prints one line of JSON at the end, in the words of load.ts.

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

local posts, turn = {}, 0

function init(args)
  local body = read(args[1])
  for block in (read(args[2]) .. '\n'):gmatch('(.-\n)\n') do
    local headers = {}
    for name, value in block:gmatch('([^:\n]+): ([^\n]*)') do headers[name] = value end
    posts[#posts + 1] = wrk.format('POST', nil, headers, body)
  end
end

function request()
  turn = turn % #posts + 1
  return posts[turn]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"posts":%d,"refused":%d,"broken":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"p999Ms":%.3f}\n',
    summary.requests - errors.status, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
