-- Sends the requests of a file in turn, over and over. Settings come from the environment:
--   BENCH_REQUESTS  file with one request a line: METHOD, path and access token, separated by tabs
--   BENCH_TEXT      text of each message that is posted
--   BENCH_CLIENT_ID a prefix; when set, every message carries a client_message_id of its own
--   BENCH_DELAY_MS  when set, each connection thinks for that long between requests
local ready, posts, turn, sent = {}, {}, 0, 0
local prefix = os.getenv("BENCH_CLIENT_ID")
local delay_ms = tonumber(os.getenv("BENCH_DELAY_MS") or "")

local function body(number)
  local text = '{"text":"' .. os.getenv("BENCH_TEXT") .. '"'
  if prefix then text = text .. ',"client_message_id":"' .. prefix .. "-" .. number .. '"' end
  return text .. "}"
end

function init(args)
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local method, path, token = line:match("([^\t]+)\t([^\t]+)\t([^\t]+)")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Host"] = wrk.headers["Host"] }
    if method == "POST" then
      headers["Content-Type"] = "application/json"
      posts[#posts + 1] = { path = path, headers = headers }
      ready[#ready + 1] = wrk.format("POST", path, headers, body(0))
    else
      ready[#ready + 1] = wrk.format(method, path, headers)
    end
  end
end

function request()
  turn = turn % #ready + 1
  if not prefix then return ready[turn] end
  sent = sent + 1
  return wrk.format("POST", posts[turn].path, posts[turn].headers, body(sent))
end

if delay_ms then
  function delay() return math.random() * 2 * delay_ms end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
