-- Posts for ever: wrk -s wrk.lua URL -- BODIES-FILE HEADER-FILE. The former holds one or more bodies, each after a line
-- with its length in bytes; the latter lines "name: value" in one or more blocks, an empty line between them. Each post takes
-- the next of both.
-- Prints one line of JSON at the end, in the words of load.ts.

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

local function bodiesIn(text)
  local bodies, at = {}, 1
  while at <= #text do
    local _, newline, length = text:find('^(%d+)\n', at)
    bodies[#bodies + 1] = text:sub(newline + 1, newline + length)
    at = newline + length + 1
  end
  return bodies
end

local function headersIn(text)
  local sets = {}
  for block in (text .. '\n'):gmatch('(.-\n)\n') do
    local headers = {}
    for name, value in block:gmatch('([^:\n]+): ([^\n]*)') do headers[name] = value end
    sets[#sets + 1] = headers
  end
  return sets
end

local posts, turn = {}, 0

function init(args)
  local bodies, headers = bodiesIn(read(args[1])), headersIn(read(args[2]))
  for i = 1, math.max(#bodies, #headers) do
    posts[i] = wrk.format('POST', nil, headers[(i - 1) % #headers + 1], bodies[(i - 1) % #bodies + 1])
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
