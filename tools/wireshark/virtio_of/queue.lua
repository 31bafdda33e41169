-- SPDX-License-Identifier: GPL-2.0
--
-- Queues, and what their messages mean when they are seen first, in the order of the capture.

return function(wire, e)

local WIRE, STATUS, OP, FORM = wire.WIRE, wire.STATUS, wire.OP, wire.FORM
local COMMAND, COMPLETION = wire.COMMAND, wire.COMPLETION
local CONFIG_CHANGE, ASK, EVENT = wire.CONFIG_CHANGE, wire.ASK, wire.EVENT
local UNKNOWN, NO_REQUEST = wire.UNKNOWN, wire.NO_REQUEST
local member, is_vq = wire.member, wire.is_vq

local instances		-- by target, initiator and id

local function reset()
	instances = {}
end

-- A queue: one connection, one half of which is an end's. `whole`: seen from its first
-- packet on, so that what is missing is an error.
local function new_queue(initiator, target, stream, whole)
	return {initiator = initiator, target = target, stream = stream, whole = whole,
		pending = {}, eager_writes = {}, psns = {}}
end

local function instance_key(queue, id)
	return queue.target .. " " .. queue.initiator .. " " .. id
end

local function queue_name(queue)
	if queue.control == nil then
		return nil
	end
	return queue.control and "control" or
		"virtqueue" .. (queue.vq and " " .. queue.vq or "")
end

-- A name is UTF-8 and ends with a NUL.
local function name_at(tvb, offset)
	local text = tvb(offset, WIRE.VQN_SIZE):raw()
	local last = text:find("\0", 1, true)
	return last and text:sub(1, last - 1), last and last > 1
end

local function read_names(request, tvb)
	local ivqn, good_ivqn = name_at(tvb, 0)
	local tvqn, good_tvqn = name_at(tvb, WIRE.VQN_SIZE)
	request.ivqn, request.tvqn = ivqn, tvqn
	request.good_names = good_ivqn and good_tvqn
end

-- What the device reads first tells what a disk is asked for.
local function disk_header(queue, tvb)
	local instance = queue.instance
	if not instance or instance.device_id ~= 2 or tvb:len() < 16 then
		return nil
	end
	local kind = tvb(0, 4):le_uint()
	return wire.DISK[kind] and {type = kind, sector = tvb(8, 8):le_uint64()}
end

local function check_connect(queue, r, tvb)
	local members = COMMAND.connect
	local id = member(tvb, members, "device_instance_id")
	r.length = member(tvb, members, "length")
	if r.length ~= 0 and r.length ~= 1024 then
		r.trouble[#r.trouble + 1] = e.body
	end
	if queue.connected then
		return
	end
	queue.control = id == WIRE.INSTANCE_CONTROL
	queue.connected = true
	if not queue.control then
		queue.vq = member(tvb, members, "vq_index")
		queue.instance = instances[instance_key(queue, id)]
	end
end

local function check_descriptors(r)
	local n, sum = #r.descs, 0
	for _, d in ipairs(r.descs) do
		sum = sum + d.length
	end
	local wanted = r.op == OP.VQ and r.out_length + r.in_length or
		r.op == OP.VQ_KEYED_EAGER_BUF and r.in_length
	if wanted then
		if sum ~= wanted then
			r.trouble[#r.trouble + 1] = e.sum
		end
	elseif r.op == OP.CONNECT and r.length == 1024 or r.op == OP.GET_KEYED_EAGER_BUF then
		if n ~= 1 or r.op == OP.CONNECT and sum ~= 1024 then
			r.trouble[#r.trouble + 1] = e.body
		end
	elseif n > 0 and FORM[r.op] then
		r.trouble[#r.trouble + 1] = e.sum
	end
end

-- The writes that have put a request into the eager buffers.
local function collect_eager(queue, r)
	local range = queue.instance and queue.instance.eager[queue.vq]
	local rest, found = {}, 0
	r.writes = {}
	for _, w in ipairs(queue.eager_writes) do
		if w.offset >= r.out_offset and w.offset < r.out_offset + r.out_length then
			found = found + w.length
			r.writes[#r.writes + 1] = w
			w.request = r
			if w.offset == r.out_offset then
				r.disk = w.disk
			else
				w.disk = nil
			end
		else
			rest[#rest + 1] = w
		end
	end
	queue.eager_writes = rest
	if range and r.out_offset + r.out_length > range.length then
		r.trouble[#r.trouble + 1] = e.range
	elseif range and found ~= r.out_length then
		r.trouble[#r.trouble + 1] = e.unwritten
	end
end

local function begin(queue, pinfo, tvb)
	local op, id = tvb(0, 2):le_uint(), tvb(2, 2):le_uint()
	local form = FORM[op] or UNKNOWN
	local members = COMMAND[form[2]]
	local r = {op = op, id = id, form = form, queue = queue, frame = pinfo.number,
		time = pinfo.rel_ts, descs = {}, trouble = {}}

	for _, name in ipairs({"out_offset", "out_length", "in_length", "vq_index",
			       "descs", "feature_select", "bytes"}) do
		local value = member(tvb, members, name)
		if name == "descs" then
			r.room = value
		else
			r[name] = value
		end
	end
	if op == OP.CONNECT then
		check_connect(queue, r, tvb)
	elseif queue.whole and not queue.connected then
		r.trouble[#r.trouble + 1] = e.first
	end
	if queue.control == nil and form[4] ~= "CV" then
		queue.control = form[4] == "C"
	end
	if form == UNKNOWN then
		r.trouble[#r.trouble + 1] = e.opcode
	elseif queue.control ~= nil and not form[4]:find(queue.control and "C" or "V") then
		r.trouble[#r.trouble + 1] = e.queue
	end
	if queue.pending[id] then
		r.trouble[#r.trouble + 1] = e.twice
	end
	if r.bytes and r.bytes ~= 1 and r.bytes ~= 2 and r.bytes ~= 4 and r.bytes ~= 8 then
		r.trouble[#r.trouble + 1] = e.width
	end
	if queue.stream then
		if op == OP.VQ_KEYED_EAGER_BUF or op == OP.GET_KEYED_EAGER_BUF or
		   op == OP.GET_KEYED_NUM_DESCS then
			r.trouble[#r.trouble + 1] = e.keyed
		end
	else
		for at = WIRE.PDU_SIZE, tvb:len() - 16, 16 do
			r.descs[#r.descs + 1] = {addr = tvb(at, 8):le_uint64(),
				length = tvb(at + 8, 4):le_uint(), key = tvb(at + 12, 4):le_uint()}
		end
		check_descriptors(r)
		if op == OP.VQ_KEYED_EAGER_BUF then
			collect_eager(queue, r)
		end
	end
	queue.pending[id] = r
	return r
end

-- What a queue learns from a completion.
local function learn(queue, r, tvb)
	if r.op == OP.CONNECT and queue.control then
		local id = member(tvb, COMPLETION.connect, "device_instance_id")
		queue.instance = {eager = {}, ivqn = r.ivqn, tvqn = r.tvqn}
		instances[instance_key(queue, id)] = queue.instance
	elseif r.op == OP.GET_DEVICE_ID and queue.instance then
		queue.instance.device_id = member(tvb, COMPLETION.id, "id")
	elseif r.op == OP.GET_KEYED_EAGER_BUF and queue.instance and r.array then
		local range = {length = 0}
		local n = math.min(member(tvb, COMPLETION.descs, "descs"), #r.array)
		for i = 1, n do
			r.array[i].base = range.length
			range.length = range.length + r.array[i].length
			range[i] = r.array[i]
		end
		queue.instance.eager[r.vq_index] = range
	end
end

local function check_lengths(queue, c, r, tvb)
	if not is_vq(r.op) then
		if r.op == OP.GET_KEYED_EAGER_BUF and
		   member(tvb, COMPLETION.descs, "descs") > r.room then
			c.trouble[#c.trouble + 1] = e.room
		end
		return
	end
	local members = COMPLETION[r.form[3]]
	local length, in_length = member(tvb, members, "length"), member(tvb, members, "in_length")
	if in_length and in_length ~= length then
		c.trouble[#c.trouble + 1] = e.lengths
	end
	if length > r.in_length then
		c.trouble[#c.trouble + 1] = e.room
	end
	if c.status ~= STATUS.SUCCESS and length ~= 0 then
		c.trouble[#c.trouble + 1] = e.both
	end
end

local function is_event(queue, id)
	return queue.control ~= false and id >= WIRE.ID_ASYNC_FIRST and not queue.pending[id]
end

-- The length of the data behind a stream's completion, as far as it can be told.
local function data_behind(queue, tvb, r)
	if not r and (is_event(queue, tvb(2, 2):le_uint()) or queue.control or
		      tvb(0, 2):uint() ~= 0 or tvb(4, 4):uint() ~= 0 or
		      tvb(8, 4):uint() ~= tvb(12, 4):uint()) then
		return 0
	end
	return (not r or r.op == OP.VQ) and tvb(8, 4):le_uint() or 0
end

local function finish(queue, pinfo, tvb)
	local status, id = tvb(0, 2):le_uint(), tvb(2, 2):le_uint()
	local r = queue.pending[id]
	local c = {status = status, id = id, queue = queue, request = r, trouble = {}}

	if not wire.status_names[status] then
		c.trouble[#c.trouble + 1] = e.unknown
	end
	if r then
		c.form, c.time = r.form, pinfo.rel_ts - r.time
		r.answer = pinfo.number
		queue.pending[id] = nil
		check_lengths(queue, c, r, tvb)
		if status == STATUS.SUCCESS then
			learn(queue, r, tvb)
		else
			c.trouble[#c.trouble + 1] = e.failed
		end
	elseif is_event(queue, id) then
		c.form = id == WIRE.ID_CONFIG_CHANGE and CONFIG_CHANGE or
			id == WIRE.ID_KEEPALIVE and ASK or EVENT
	else
		c.form = NO_REQUEST
		if queue.whole then
			c.trouble[#c.trouble + 1] = e.flight
		end
	end
	return c
end

return {
	reset = reset, new = new_queue, name = queue_name, begin = begin, finish = finish,
	data_behind = data_behind, read_names = read_names, disk_header = disk_header,
}

end
