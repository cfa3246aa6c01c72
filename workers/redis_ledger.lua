-- The accounts of a ledger in Redis. Each call of this script is one operation, and happens whole or not at all.
--
-- KEYS  1: id of the server's run for which the accounts hold; 2: hash holder -> end of its lease;
--       3...: the accounts that an operation is about, the nearest scope first.
-- ARGV  1: operation; 2: time in microseconds, or '' for the server's own; 3: holder; 4: length of a lease in
--       microseconds; 5, 6: channel and message that wake who waits for room; 7: time after which nobody waits for
--       the answer any more, and the operation must not happen ('': never); 8...: see each operation.
--
-- An account is one hash, so that a server which drops keys drops it whole:
--   run      the server's run in which it was written: what an earlier run left may lack its last writes
--   caps     tokens, completion tokens, model calls, trajectories, CPU, cost, deadline; '-' where there is none
--   started  microseconds since 1970
--   spent    amounts: prompt tokens, completion tokens, model calls, trajectories, sandbox runs, CPU, cost
--   over     '1' once an endpoint used more than was reserved
--   o:CALL   an open call: its ticket (HOLDER#NUMBER, '-' where nobody will end it) and its amounts
--   f:HOLDER amounts of the holder's calls in flight; `flying` lists the holders that have any
--   waits    '1' where somebody waits for room in it
-- CPU seconds and cost are whole nano units. All numbers are exact below 2^53.
--
-- Replies: {'lost'}: begin anew; {'late', time}: nothing was done; {'missing', n...}: these accounts (from 0) must be
-- built; others see below.

local OPERATION, HOLDER, LEASE, CHANNEL, MESSAGE = ARGV[1], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local EXPIRES, FIRST_ACCOUNT, ARGUMENT = tonumber(ARGV[7]), 3, 8
local DAY = 86400 * 1000000
local NANO, LARGEST, SLACK = 1000000000, 2 ^ 62, 1
local KEEP_ACCOUNT_S, KEEP_TICKET_MS, KEEP_HOLDER = 7 * 86400, 60000, DAY

local function whole(number)
  return string.format('%.0f', number)
end

local function numbers(text)
  local list = {}
  for word in string.gmatch(text, '%S+') do
    list[#list + 1] = tonumber(word) or false
  end
  return list
end

local function text_of(amounts)
  return string.format('%.0f %.0f %.0f %.0f %.0f %.0f %.0f', unpack(amounts))
end

local function sum(one, other, sign)
  local total = {}
  for i = 1, 7 do
    total[i] = math.max(0, one[i] + sign * other[i])
  end
  return total
end

local function is_nothing(amounts)
  for i = 1, 7 do
    if amounts[i] > 0 then
      return false
    end
  end
  return true
end

local function nano(amount)
  return math.floor(math.min(amount * NANO, LARGEST) + 0.5)
end

if OPERATION == 'begin' then
  local id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  if redis.call('GET', KEYS[1]) ~= id then
    redis.call('SET', KEYS[1], id)
    redis.call('DEL', KEYS[2])
  end
end

local RUN = redis.call('GET', KEYS[1])
if not RUN then
  return {'lost'}
end

local NOW = tonumber(ARGV[2])
if not NOW then
  local time = redis.call('TIME')
  NOW = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

if EXPIRES and NOW > EXPIRES and OPERATION ~= 'begin' and OPERATION ~= 'beat' then
  return {'late', whole(NOW)}
end

if OPERATION == 'leave' then
  redis.call('HDEL', KEYS[2], HOLDER)
  return {'ok'}
end
redis.call('HSET', KEYS[2], HOLDER, whole(NOW + LEASE))

-- Reading and writing accounts

local function read(key, call)
  local row = redis.call('HMGET', key, 'run', 'caps', 'started', 'spent', 'over', 'waits', 'flying',
    'f:' .. HOLDER, 'o:' .. call)
  if row[1] ~= RUN then
    return nil
  end
  local account = {
    key = key, call = call, caps = numbers(row[2]), started = tonumber(row[3]), spent = numbers(row[4]),
    over = row[5] == '1', waits = row[6], flying = row[7] or '', own = row[8], changed = {}, gone = {},
  }
  if row[9] then
    local ticket, amounts = string.match(row[9], '^(%S+) (.*)$')
    account.ticket, account.held = ticket, numbers(amounts)
  end
  return account
end

local function read_all(call)
  local accounts, missing = {}, {'missing'}
  for i = FIRST_ACCOUNT, #KEYS do
    local account = read(KEYS[i], call)
    if account then
      accounts[#accounts + 1] = account
    else
      missing[#missing + 1] = whole(i - FIRST_ACCOUNT)
    end
  end
  return accounts, #missing > 1 and missing or nil
end

local function set(account, field, value)
  account.changed[#account.changed + 1] = field
  account.changed[#account.changed + 1] = value
end

local function write(account)
  if #account.changed > 0 then
    redis.call('HSET', account.key, unpack(account.changed))
  end
  if #account.gone > 0 then
    redis.call('HDEL', account.key, unpack(account.gone))
  end
  redis.call('EXPIRE', account.key, KEEP_ACCOUNT_S)
end

local function fly(account, ticket, amounts, sign)
  local holder = string.match(ticket, '^(.*)#')
  if not holder then
    return
  end
  local field = 'f:' .. holder
  local before = account.own
  if holder ~= HOLDER then
    before = redis.call('HGET', account.key, field)
  end
  if not before and sign < 0 then
    return
  end
  local after = sum(before and numbers(before) or {0, 0, 0, 0, 0, 0, 0}, amounts, sign)
  if is_nothing(after) then
    local others = {}
    for name in string.gmatch(account.flying, '%S+') do
      if name ~= holder then
        others[#others + 1] = name
      end
    end
    account.flying = table.concat(others, ' ')
    account.gone[#account.gone + 1] = field
    set(account, 'flying', account.flying)
    after = nil
  else
    if not before then
      account.flying = account.flying .. ' ' .. holder
      set(account, 'flying', account.flying)
    end
    after = text_of(after)
    redis.call('HSET', account.key, field, after)
  end
  if holder == HOLDER then
    account.own = after
  end
end

local function take_out(account)
  account.spent = sum(account.spent, account.held, -1)
  fly(account, account.ticket, account.held, -1)
  account.ticket, account.held = nil, nil
end

local function wake(accounts)
  local someone = false
  for _, account in ipairs(accounts) do
    if account.waits then
      redis.call('HDEL', account.key, 'waits')
      someone = true
    end
  end
  if someone then
    redis.call('PUBLISH', CHANNEL, MESSAGE)
  end
end

-- The decision: the same as solvent.agents.budget.decide and pays_to_wait

local function decide(accounts, ask, spent_of)
  local allowed, reason, where = ask.wanted, nil, nil
  local fixed = ask.fixed
  for i, account in ipairs(accounts) do
    local caps, spent = account.caps, account[spent_of]
    if caps[7] and NOW - account.started >= caps[7] then
      return nil, 'deadline', i
    end
    if account.over and fixed[3] > 0 then
      if caps[1] or caps[2] then
        return nil, 'cap_tokens', i
      elseif caps[6] then
        return nil, 'cap_cost', i
      end
    end
    local checks = {
      {caps[4], spent[4], fixed[4], 0, 'cap_trajectories'},
      {caps[3], spent[3], fixed[3], 0, 'cap_calls'},
      {caps[1], spent[1] + spent[2], fixed[1] + fixed[2], 0, 'cap_tokens'},
      {caps[2], spent[2], fixed[2], 0, 'cap_tokens'},
      {caps[5], spent[6], fixed[6], SLACK, 'cap_sandbox'},
      {caps[6], spent[7], fixed[7], SLACK, 'cap_cost'},
    }
    for n = 1, 6 do
      local cap, used, more, slack = checks[n][1], checks[n][2], checks[n][3], checks[n][4]
      if cap and more > 0 and used + more > cap + slack then
        return nil, checks[n][5], i
      end
    end
    local limits = {}
    if caps[1] then
      limits[#limits + 1] = {'cap_tokens', math.floor((caps[1] - spent[1] - spent[2] - fixed[1] - fixed[2]) / ask.samples)}
    end
    if caps[2] then
      limits[#limits + 1] = {'cap_tokens', math.floor((caps[2] - spent[2] - fixed[2]) / ask.samples)}
    end
    local rate = ask.token_cost * NANO * ask.samples
    if caps[6] and rate > 0 then
      limits[#limits + 1] = {'cap_cost', math.floor(math.min((caps[6] - spent[7] - fixed[7] + SLACK) / rate, ask.wanted))}
    end
    for _, limit in ipairs(limits) do
      if math.max(0, limit[2]) < allowed then
        allowed, reason, where = math.max(0, limit[2]), limit[1], i
      end
    end
  end
  if reason and allowed < math.min(ask.floor, ask.wanted) then
    return nil, reason, where
  end
  return allowed
end

-- Counts what holders with a lease have in flight, and when the first of these leases ends.
local function look_at_flights(account)
  local flying = {0, 0, 0, 0, 0, 0, 0}
  for holder in string.gmatch(account.flying, '%S+') do
    local ends = tonumber(redis.call('HGET', KEYS[2], holder) or 0)
    if ends > NOW + LEASE then -- the clock went back
      ends = NOW + LEASE
      redis.call('HSET', KEYS[2], holder, whole(ends))
    end
    if ends > NOW then
      flying = sum(flying, numbers(redis.call('HGET', account.key, 'f:' .. holder)), 1)
      account.look_again = math.min(account.look_again or ends, ends)
    end
  end
  account.ended = sum(account.spent, flying, -1)
  account.has_flights = not is_nothing(flying)
end

-- Returns for how long it pays to wait at most, or nil; see to be woken.
local function waiting_time(accounts, ask, allowed)
  for _, account in ipairs(accounts) do
    look_at_flights(account)
  end
  local best = decide(accounts, ask, 'ended')
  if not best or (allowed and best <= allowed) then
    return nil
  end
  local look_again = NOW + LEASE
  for _, account in ipairs(accounts) do
    if account.has_flights and decide({account}, ask, 'spent') ~= ask.wanted then
      redis.call('HSET', account.key, 'waits', '1')
      look_again = math.min(look_again, account.look_again)
    end
    if account.caps[7] then
      look_again = math.min(look_again, account.started + account.caps[7])
    end
  end
  return look_again - NOW
end

-- Operations

-- {'ok', time}. 'begin' also makes accounts of another run of the server invalid.
if OPERATION == 'begin' or OPERATION == 'beat' then
  local holders = redis.call('HGETALL', KEYS[2])
  if OPERATION == 'begin' then
    for i = 1, #holders, 2 do
      if tonumber(holders[i + 1]) < NOW - KEEP_HOLDER then
        redis.call('HDEL', KEYS[2], holders[i])
      end
    end
  end
  return {'ok', whole(NOW)}
end

-- Arguments: call, ticket, day number ('' without daily accounts), fixed amounts, wanted, floor, samples, token cost.
-- {'granted', tokens}, {'refused', reason, account from 0}, {'wait', microseconds}, {'day', number}. 'peek' only asks.
if OPERATION == 'reserve' or OPERATION == 'peek' then
  local call, ticket, day = ARGV[ARGUMENT], ARGV[ARGUMENT + 1], tonumber(ARGV[ARGUMENT + 2])
  if day and day ~= math.floor(NOW / DAY) then
    return {'day', whole(math.floor(NOW / DAY))}
  end
  local accounts, missing = read_all(call)
  if missing then
    return missing
  end
  local ask = {
    fixed = numbers(ARGV[ARGUMENT + 3]), wanted = tonumber(ARGV[ARGUMENT + 4]), floor = tonumber(ARGV[ARGUMENT + 5]),
    samples = tonumber(ARGV[ARGUMENT + 6]), token_cost = tonumber(ARGV[ARGUMENT + 7]),
  }
  for _, account in ipairs(accounts) do
    -- Built from a journal in which the call was asked for, or asked by this ticket, whose answer was lost.
    if account.held then
      take_out(account)
      set(account, 'spent', text_of(account.spent))
      account.gone[#account.gone + 1] = 'o:' .. call
      write(account)
      account.changed, account.gone = {}, {}
    end
  end
  local allowed, reason, where = decide(accounts, ask, 'spent')
  if allowed ~= ask.wanted then
    local wait = waiting_time(accounts, ask, allowed)
    if wait then
      return {'wait', whole(wait)}
    end
  end
  if not allowed then
    return {'refused', reason, whole(where - 1)}
  end
  if OPERATION == 'reserve' then
    local amounts = sum(ask.fixed, {0, 0, 0, 0, 0, 0, 0}, 1)
    amounts[2] = amounts[2] + allowed * ask.samples
    amounts[7] = amounts[7] + nano(allowed * ask.samples * ask.token_cost)
    local held = text_of(amounts)
    for _, account in ipairs(accounts) do
      fly(account, ticket, amounts, 1)
      set(account, 'o:' .. call, ticket .. ' ' .. held)
      set(account, 'spent', text_of(sum(account.spent, amounts, 1)))
      write(account)
    end
  end
  return {'granted', whole(allowed)}
end

-- Arguments: call, ticket ('-' for any), amounts used ('' where it was not committed), '1' for an overrun. {'ok'}.
-- The journal has it already: an account that has no such open call was built with the end of it.
if OPERATION == 'commit' or OPERATION == 'release' or OPERATION == 'forfeit' then
  local call, ticket, used, over = ARGV[ARGUMENT], ARGV[ARGUMENT + 1], ARGV[ARGUMENT + 2], ARGV[ARGUMENT + 3]
  local accounts, missing = read_all(call)
  if missing then
    return missing
  end
  for _, account in ipairs(accounts) do
    local ours = OPERATION == 'commit' or ticket == '-' or account.ticket == '-' or account.ticket == ticket
    if account.held and ours then
      local held = account.held
      take_out(account)
      if OPERATION == 'forfeit' then
        set(account, 'o:' .. call, '- ' .. text_of(held))
      else
        account.gone[#account.gone + 1] = 'o:' .. call
        if OPERATION == 'commit' then
          account.spent = sum(account.spent, numbers(used), 1)
        end
        set(account, 'spent', text_of(account.spent))
      end
    end
    if over == '1' then
      set(account, 'over', '1')
    end
    write(account)
  end
  wake(accounts)
  return {'ok'}
end

-- {'ok', spent, in flight by this holder or ''}
if OPERATION == 'usage' then
  local accounts, missing = read_all('')
  if missing then
    return missing
  end
  return {'ok', text_of(accounts[1].spent), accounts[1].own or ''}
end

-- {'ok', then call and ticket of each open call that another holder asked for}
if OPERATION == 'foreign' then
  local accounts, missing = read_all('')
  if missing then
    return missing
  end
  local reply, fields = {'ok'}, redis.call('HGETALL', accounts[1].key)
  for i = 1, #fields, 2 do
    local call, ticket = string.match(fields[i], '^o:(.*)$'), string.match(fields[i + 1], '^(%S+) ')
    local holder = call and string.match(ticket, '^(.*)#')
    if holder and holder ~= HOLDER then
      reply[#reply + 1] = call
      reply[#reply + 1] = ticket
    end
  end
  return reply
end

-- Arguments: caps, start. {'ok', spent}
if OPERATION == 'configure' then
  local accounts, missing = read_all('')
  if missing then
    return missing
  end
  set(accounts[1], 'caps', ARGV[ARGUMENT])
  set(accounts[1], 'started', ARGV[ARGUMENT + 1])
  write(accounts[1])
  wake(accounts)
  return {'ok', text_of(accounts[1].spent)}
end

-- KEYS[3]: a name for one attempt to build an account. What is read from the journal after this may be installed, as
-- long as the server has forgotten nothing since.
if OPERATION == 'ticket' then
  redis.call('SET', KEYS[FIRST_ACCOUNT], RUN, 'PX', KEEP_TICKET_MS)
  return {'ok'}
end

-- KEYS[4]: that name. Arguments: holders in flight, then fields and values of the account. {'ok'} or {'stale'}.
if OPERATION == 'install' then
  local key, ticket = KEYS[FIRST_ACCOUNT], KEYS[FIRST_ACCOUNT + 1]
  if redis.call('HGET', key, 'run') == RUN then
    return {'ok'}
  end
  if redis.call('GET', ticket) ~= RUN then
    return {'stale'}
  end
  redis.call('DEL', key, ticket)
  redis.call('HSET', key, 'run', RUN, 'flying', ARGV[ARGUMENT])
  for i = ARGUMENT + 1, #ARGV, 2 do
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
  redis.call('EXPIRE', key, KEEP_ACCOUNT_S)
  -- Holders that were not heard of since the server forgot them get one lease's time to be.
  for holder in string.gmatch(ARGV[ARGUMENT], '%S+') do
    redis.call('HSETNX', KEYS[2], holder, whole(NOW + LEASE))
  end
  return {'ok'}
end

return redis.error_reply('unknown operation ' .. OPERATION)
