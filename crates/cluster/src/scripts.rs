//! What Valkey is asked to do in one step. Sent whole with `EVAL` each time, because managed servers
//! forbid `SCRIPT`; the server keeps what it has compiled.

/// Says that this process is there; how many are.
///
/// `KEYS[1]`: the sorted set of processes. `ARGV`: this one's name, after how many milliseconds of
/// silence one is taken for gone.
pub(crate) const BEAT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 6)
return redis.call('ZCARD', KEYS[1])
";

/// Sets what one process holds of a count, and adds to it what is free.
///
/// `KEYS[1]`: the hash of who holds what; a value is `count:number of the question:instant`. `ARGV`:
/// the process, the number of its question, what it holds, what it wants more, the limit of all
/// together, how long the hash lives, and after how long a silent process holds nothing (0: never).
/// Answers what the process holds then, and what the others do. A question that comes later than a
/// younger one of the same process, from a connection that was given up, changes nothing.
pub(crate) const LEASE: &str = r"
local node, number = ARGV[1], tonumber(ARGV[2])
local held, want, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local silent = tonumber(ARGV[7])
local now = 0
if silent > 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local mine, latest, others = 0, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local count, asked, at = string.match(all[i + 1], '^(%d+):(%d+):(%d+)$')
  if all[i] == node then
    mine, latest = tonumber(count), tonumber(asked)
  elseif silent > 0 and at + silent < now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    others = others + count
  end
end
if number > latest then
  mine = held + math.max(0, math.min(want, limit - held - others))
  redis.call('HSET', KEYS[1], node, string.format('%.0f:%.0f:%.0f', mine, number, now))
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
return {mine, others}
";
