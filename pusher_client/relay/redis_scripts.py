"""The scripts of the Redis engine: each is one atomic step, with the rules of `MemoryStream`.

KEYS of each: the stream, a hash of state, a hash of the relays' records, a sorted set of ids by time, and a hash
of what was written last to a plain channel. All are in one hash slot. Numbers are written with six digits behind the
point, because Lua's own conversion would round a time to a tenth of a millisecond.
"""

from __future__ import annotations

__all__ = ["EXCHANGE", "PUT", "SETTLE"]

_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
"""

EXCHANGE = (
    _NOW
    + """
local records = redis.call('HVALS', KEYS[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return {string.format('%.6f', now), redis.call('HGET', KEYS[2], 'settled'), records}
"""
)
"""ARGV: the relay's name and its record. Returns the time, the settled moment and the records stored before."""

SETTLE = (
    _NOW
    + """
local settled, by = redis.call('HGET', KEYS[2], 'settled'), redis.call('HGET', KEYS[2], 'settled_by')
if settled then
    local latest = tonumber(ARGV[2])
    if by ~= ARGV[1] then latest = latest - tonumber(ARGV[3]) end
    if tonumber(settled) > latest then return {settled, 0} end
end
redis.call('HSET', KEYS[2], 'settled', ARGV[2], 'settled_by', ARGV[1], 'spread', ARGV[3])
for index = 5, #ARGV, 2 do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'envelope', ARGV[index + 1])
    redis.call('ZADD', KEYS[4], string.format('%.6f', now), ARGV[index])
end
return {ARGV[2], 1}
"""
)
"""ARGV: the relay's name, the moment, the spread, the length of the stream, then an id and an envelope each marker."""

PUT = (
    _NOW
    + """
local relay, instance, number = ARGV[1], ARGV[2], tonumber(ARGV[3])
local final_before, window, align, maxlen = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7]
local first, fields = 8, 5
local count = (#ARGV - first + 1) / fields
local cursor_key, number_key, look_ahead, memory = 'cursor:' .. relay, 'number:' .. relay, 256, 20000

local state = redis.call('HMGET', KEYS[2], 'settled', 'settled_by', 'spread', cursor_key, number_key, 'last')
local fence, spread = -1, tonumber(state[3] or '0')
if state[1] then
    fence = tonumber(state[1])
    if state[2] ~= relay then fence = fence + spread end
end
local cursor, last, repeated = tonumber(state[4] or '0'), tonumber(state[6] or '0'), 0
if state[5] then
    local colon = string.find(state[5], ':', 1, true)
    if string.sub(state[5], colon + 1) == instance then
        repeated = tonumber(string.sub(state[5], 1, colon - 1)) - number
    end
end

local function field(index, offset) return ARGV[first + index * fields + offset] end
local function recent(position)
    local value = redis.call('HGET', KEYS[5], position)
    if not value then return nil end
    local fingerprint, received, writer = string.match(value, '^([^:]*):([^:]*):(.*)$')
    return fingerprint, tonumber(received), writer
end

if align then
    cursor = last
    local earliest = tonumber(field(0, 0)) - spread
    for start = last, math.max(1, last - look_ahead + 1), -1 do
        local _, received = recent(start)
        if not received or received < earliest then break end
        local same = true
        for offset = 0, math.min(count - 1, last - start) do
            if recent(start + offset) ~= field(offset, 2) then
                same = false
                break
            end
        end
        if same then
            cursor = start - 1
            break
        end
    end
end

local function known(fingerprint)
    cursor = math.max(cursor, last - memory)
    for position = cursor + 1, math.min(last, cursor + look_ahead) do
        local other, _, writer = recent(position)
        if other == fingerprint and writer ~= relay then
            cursor = position
            return true
        end
    end
    return false
end

local written, stopped, expired = 0, count, ''
for index = 0, count - 1 do
    local received, id, fingerprint = field(index, 0), field(index, 1), field(index, 2)
    local kind, body = field(index, 3), field(index, 4)
    if index >= repeated and tonumber(received) >= fence and not (id ~= '' and redis.call('ZSCORE', KEYS[4], id)) then
        if now - tonumber(received) > window then
            stopped, expired = index, string.format('%.6f', now - window)
            break
        end
        if kind == 'decryption_failure' and tonumber(received) > final_before then
            stopped = index
            break
        end
        if id ~= '' or not known(fingerprint) then
            redis.call('XADD', KEYS[1], 'MAXLEN', '~', maxlen, '*', 'envelope', body)
            written = written + 1
            if id ~= '' then
                redis.call('ZADD', KEYS[4], string.format('%.6f', now), id)
            else
                local leads = cursor == last
                last = last + 1
                redis.call('HSET', KEYS[5], last, fingerprint .. ':' .. received .. ':' .. relay)
                redis.call('HDEL', KEYS[5], last - memory)
                if leads then cursor = last end
            end
        end
    end
end
local following = (number + math.max(stopped, repeated)) .. ':' .. instance
redis.call('HSET', KEYS[2], cursor_key, cursor, 'last', last, number_key, following)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.6f', now - 2 * window))
return {stopped, written, expired}
"""
)
"""ARGV: the relay's name, its instance, the number of its first entry, before when failures are final, the window,
whether to align, the length of the stream; then of each entry when it was received, its id, fingerprint, kind and body.
Returns how many entries are done and written, and where the window begins if the next entry is older."""
