"""What runs inside Redis, each script as one step that nothing comes between (R11).

KEYS[1] is the watermark: a hash of g(eneration), e(poch), s(eq), h(ash). All other keys are of
accounts. An account's key holds either a value, of g(eneration), s(eq), f(acts), m(oney: the four
totals) and u(sage), or a l(ease): the generation and the token of who is to fill it. Values and
leases of another generation than the watermark's count as nothing.

What can fail comes before what is written: a script that fails half way leaves what it wrote.
`pcall` is for keys of another type, which somebody else must have put there, and for a Redis that
is full: it refuses what a script writes first, and nothing after that. So a fold that finds it
full changes nothing; nobody keeps the view any more, and it ends.
"""

_WATERMARK = """
local function watermark()
  local mark = redis.pcall('HMGET', KEYS[1], 'g', 'e', 's', 'h')
  if mark[1] and tonumber(mark[2]) and tonumber(mark[3]) and mark[4] then return mark end
end
local mark = watermark()
"""

READ = f"""
{_WATERMARK}
if not mark then return {{}} end
local found = {{mark}}
for i = 2, #KEYS do
  local value = redis.pcall('HMGET', KEYS[i], 'g', 's', 'f', 'm', 'u', 'l')
  if value[1] == mark[1] then
    found[i] = value
  elseif value[6] and string.find(value[6], mark[1], 1, true) == 1 then
    found[i] = 0
  elseif ARGV[1] == '' then
    found[i] = -1
  else
    local leased = redis.pcall('HSET', KEYS[i], 'l', mark[1] .. ARGV[1])
    if type(leased) == 'table' then
      found[i] = -1
    else
      redis.call('PEXPIRE', KEYS[i], ARGV[2])
      found[i] = 1
    end
  end
end
return found
"""
"""Return the watermark, and of each account its value, or how its lease stands.

That is 1 when it was given to the caller, 0 when somebody else has it, -1 when there is none. ARGV:
the token of the leases, empty for none; how long they last, in ms. Without a watermark nothing at
all is returned.
"""

FILL = f"""
{_WATERMARK}
if not mark or mark[1] ~= ARGV[1] then return 0 end
if tonumber(mark[3]) < tonumber(ARGV[2]) then return 0 end
local filled = 0
for i = 2, #KEYS do
  local at = 5 + (i - 2) * 4
  if redis.pcall('HGET', KEYS[i], 'l') == mark[1] .. ARGV[3] then
    local written = redis.pcall('HSET', KEYS[i], 'g', ARGV[1], 's', ARGV[at], 'f', ARGV[at + 1],
      'm', ARGV[at + 2], 'u', ARGV[at + 3])
    if type(written) ~= 'table' then
      redis.call('HDEL', KEYS[i], 'l')
      redis.call('PEXPIRE', KEYS[i], ARGV[4])
      filled = filled + 1
    end
  end
end
return filled
"""
"""Store accounts that were read as of an entry, where the lease lives; return how many.

ARGV: the generation; the entry's seq; the token of the leases; how long values last, in ms; then
seq, facts, totals, usage of each account.
"""

FOLD = f"""
{_WATERMARK}
if not mark then return {{}} end
if mark[1] ~= ARGV[1] or mark[2] ~= ARGV[2]
  or mark[3] ~= ARGV[3] or mark[4] ~= ARGV[4] then
  return mark
end
local current = {{}}
for i = 2, #KEYS do
  current[i] = redis.pcall('HGET', KEYS[i], 'g') == ARGV[1]
end
redis.call('HSET', KEYS[1], 's', ARGV[5], 'h', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
for i = 2, #KEYS do
  local at = 8 + (i - 2) * 4
  if current[i] then
    redis.call('HSET', KEYS[i], 's', ARGV[at])
    if ARGV[at + 1] ~= '' then redis.call('HSET', KEYS[i], 'f', ARGV[at + 1]) end
    if ARGV[at + 2] ~= '' then redis.call('HSET', KEYS[i], 'm', ARGV[at + 2]) end
    if ARGV[at + 3] ~= '' then redis.call('HSET', KEYS[i], 'u', ARGV[at + 3]) end
  else
    redis.call('DEL', KEYS[i])
  end
end
return 1
"""
"""Move the watermark, if it is the one that is given, and change the accounts that are there.

Accounts that are not there lose the lease that may be there instead. ARGV: generation, epoch, seq
and hash as they are; the new seq and hash; how long the watermark lasts, in ms; then seq, facts,
totals, usage of each account, empty where they stay as they are. Returns 1, or the watermark if it
is another one, empty for none.
"""

BEGIN = f"""
{_WATERMARK}
if mark then
  if mark[1] ~= ARGV[1] or mark[3] ~= ARGV[2] then return mark end
  if tonumber(mark[2]) > tonumber(ARGV[4]) then return mark end
elseif ARGV[1] ~= '' then
  return {{}}
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'g', ARGV[3], 'e', ARGV[4], 's', ARGV[5], 'h', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1
"""
"""Begin a view anew, unless its watermark is another one than is given or of a later epoch (R9).

ARGV: generation and seq as they are, empty for none; the new generation, epoch, seq and hash; how
long the watermark lasts, in ms. Returns as FOLD does.
"""
