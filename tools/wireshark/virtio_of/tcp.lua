-- SPDX-License-Identifier: GPL-2.0
--
-- Streams: where messages begin and end, and whose they are.

return function(vof, wire, queues, show, e)

local WIRE, OP, MOST = wire.WIRE, wire.OP, wire.MOST
local plausible = wire.plausible

local tcp_stream = Field.new("tcp.stream")
local streams		-- by number
local requests_of	-- commands and completions, by frame, direction and id

local function reset()
	streams, requests_of = {}, {}
end

local function to_target(pinfo)
	return pinfo.dst_port == pinfo.match_uint
end

-- What was made of a message when it was seen first. The same id twice in a frame and
-- direction is an error, and then there are two of them in a row.
local function seen(pinfo, tvb, make)
	local key = pinfo.number .. (to_target(pinfo) and ">" or "<") .. tvb(2, 2):le_uint()
	local list = requests_of[key]
	if not pinfo.visited then
		list = list or {}
		requests_of[key] = list
		list[#list + 1] = make()
		return list[#list]
	end
	if not list then
		return nil
	end
	list.next = (list.next or 0) % #list + 1
	return list[list.next]
end

local function command_size(tvb, _, offset)
	local op = tvb(offset, 2):le_uint()
	local behind = op == OP.VQ and tvb(offset + 8, 4):le_uint() or
		op == OP.CONNECT and tvb(offset + 8, 4):le_uint() or 0
	if op == OP.CONNECT and behind ~= 1024 then
		behind = 0
	end
	return WIRE.PDU_SIZE + (behind <= MOST and behind or 0)
end

local function completion_size(tvb, pinfo, offset)
	local s = streams[tcp_stream().value]
	local pdu = tvb(offset, WIRE.PDU_SIZE):tvb()
	local id = pdu(2, 2):le_uint()
	local key = pinfo.number .. "=" .. id
	local behind = requests_of[key]
	if not pinfo.visited then
		behind = queues.data_behind(s.queue, pdu, s.queue.pending[id])
		requests_of[key] = behind
	end
	behind = behind or 0
	return WIRE.PDU_SIZE + (behind <= MOST and behind or 0)
end

local function stream_command(tvb, pinfo, tree)
	local queue = streams[tcp_stream().value].queue
	local r = seen(pinfo, tvb, function()
		local r = queues.begin(queue, pinfo, tvb)
		if r.op == OP.CONNECT and tvb:len() == WIRE.PDU_SIZE + 1024 then
			queues.read_names(r, tvb(WIRE.PDU_SIZE):tvb())
		elseif r.op == OP.VQ then
			if r.out_length > MOST then
				r.trouble[#r.trouble + 1] = e.long
			elseif tvb:len() > WIRE.PDU_SIZE then
				r.disk = queues.disk_header(queue, tvb(WIRE.PDU_SIZE):tvb())
			end
		end
		return r
	end)
	if r then
		show.command(tvb, pinfo, tree, r)
	end
	return tvb:len()
end

local function stream_completion(tvb, pinfo, tree)
	local queue = streams[tcp_stream().value].queue
	local c = seen(pinfo, tvb, function()
		return queues.finish(queue, pinfo, tvb)
	end)
	if c then
		show.completion(tvb, pinfo, tree, c)
	end
	return tvb:len()
end

-- Streams of others on the same port: TLS, and RDMA of adapters that use TCP (iWARP).
local function foreign(tvb)
	if tvb(0, 1):uint() == 0x16 and tvb(1, 1):uint() == 3 then
		return "tls"
	end
	return tvb(0, 7):string() == "MPA ID " and "iwarp"
end

-- Where a stream begins for this capture; nil: not yet.
local function begun(s, tvb, pinfo, command)
	if not s.begins[command] and plausible(tvb, command) then
		s.begins[command] = pinfo.number
	end
	return s.begins[command] and pinfo.number >= s.begins[command]
end

local function new_stream(tvb, pinfo, command)
	local here, there = tostring(pinfo.src), tostring(pinfo.dst)
	local s = {other = foreign(tvb), begins = {}}
	s.queue = command and queues.new(here, there .. " " .. pinfo.dst_port, true) or
		queues.new(there, here .. " " .. pinfo.src_port, true)
	-- What begins with Connect was seen from its first byte on.
	s.queue.whole = command and not s.other and tvb(0, 2):uint() == OP.CONNECT and
		plausible(tvb, true)
	return s
end

local function dissect(tvb, pinfo, tree)
	local number = tcp_stream().value
	local command = to_target(pinfo)
	local s = streams[number]
	if not (s and s.begins[command]) and tvb:len() < WIRE.PDU_SIZE then
		pinfo.desegment_offset = 0
		pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
		return tvb:len()
	end
	if not s then
		s = new_stream(tvb, pinfo, command)
		streams[number] = s
	end
	if s.other == "tls" then
		return Dissector.get("tls"):call(tvb, pinfo, tree)
	elseif s.other or not begun(s, tvb, pinfo, command) then
		return 0
	end
	dissect_tcp_pdus(tvb, tree, WIRE.PDU_SIZE, command and command_size or completion_size,
		command and stream_command or stream_completion)
	return tvb:len()
end

return {dissect = dissect, reset = reset}

end
