-- SPDX-License-Identifier: GPL-2.0
--
-- RDMA: which queue pairs belong together, messages, and what is read and written of whose
-- memory.

return function(vof, wire, queues, show, f, e)

local WIRE, OP, FORM, COMMAND = wire.WIRE, wire.OP, wire.FORM, wire.COMMAND
local member, is_vq = wire.member, wire.is_vq
local generated = show.generated

local ends		-- where packets arrive: by address and queue pair
local requests_of_cm	-- by initiator, target and transaction
local unpaired		-- queues whose other queue pair is not known yet
local kept		-- what packets are, by number

local function reset()
	ends, requests_of_cm, unpaired, kept = {}, {}, {}, {}
end

local F = {
	ip = Field.new("ip.src"),
	ip_dst = Field.new("ip.dst"),
	ip6 = Field.new("ipv6.src"),
	ip6_dst = Field.new("ipv6.dst"),
	opcode = Field.new("infiniband.bth.opcode"),
	qp = Field.new("infiniband.bth.destqp"),
	psn = Field.new("infiniband.bth.psn"),
	pad = Field.new("infiniband.bth.padcnt"),
	va = Field.new("infiniband.reth.va"),
	key = Field.new("infiniband.reth.r_key"),
	length = Field.new("infiniband.reth.dmalen"),
	transaction = Field.new("infiniband.mad.transactionid"),
	port = Field.new("infiniband.cm.req.serviceid.dport"),
	req_qp = Field.new("infiniband.cm.req.localqpn"),
	rep_qp = Field.new("infiniband.cm.rep.localqpn"),
}

-- Opcodes of reliable connections: InfiniBand specification, 9.2.
local RC = {
	SEND_FIRST = 0, SEND_MIDDLE = 1, SEND_LAST = 2, SEND_ONLY = 4,
	WRITE_FIRST = 6, WRITE_MIDDLE = 7, WRITE_LAST = 8, WRITE_ONLY = 10,
	READ_REQUEST = 12, READ_FIRST = 13, READ_MIDDLE = 14, READ_LAST = 15, READ_ONLY = 16,
	ACK = 17,
}
local REQUESTS = {
	[RC.SEND_FIRST] = "send", [RC.SEND_MIDDLE] = "send", [RC.SEND_LAST] = "send",
	[RC.SEND_ONLY] = "send",
	[RC.WRITE_FIRST] = "write", [RC.WRITE_MIDDLE] = "write", [RC.WRITE_LAST] = "write",
	[RC.WRITE_ONLY] = "write",
	[RC.READ_REQUEST] = "read",
}
local RESPONSES = {
	[RC.READ_FIRST] = "response", [RC.READ_MIDDLE] = "response",
	[RC.READ_LAST] = "response", [RC.READ_ONLY] = "response",
}
local BEGINS = {
	[RC.SEND_FIRST] = true, [RC.SEND_ONLY] = true, [RC.WRITE_FIRST] = true,
	[RC.WRITE_ONLY] = true, [RC.READ_FIRST] = true, [RC.READ_ONLY] = true,
}
local ENDS = {
	[RC.SEND_LAST] = true, [RC.SEND_ONLY] = true, [RC.WRITE_LAST] = true,
	[RC.WRITE_ONLY] = true, [RC.READ_LAST] = true, [RC.READ_ONLY] = true,
}

local function value(field)
	local info = field()
	return info and info.value
end

-- Wireshark puts LIDs in the place of addresses for some packets of RoCE.
local function addresses(pinfo)
	local src = F.ip() or F.ip6()
	local dst = F.ip_dst() or F.ip6_dst()
	return src and src.display or tostring(pinfo.src), dst and dst.display or tostring(pinfo.dst)
end

local function end_key(address, qp)
	return address .. " " .. qp
end

-- An end of a queue, where packets come in: what is being received.
local function new_end(queue, at_target)
	return {queue = queue, at_target = at_target, reads = {}}
end

local function our_port(port)
	for range in tostring(vof.prefs.ports):gmatch("[^,%s]+") do
		local first, last = range:match("^(%d+)-?(%d*)$")
		first = tonumber(first)
		if first and port >= first and port <= (tonumber(last) or first) then
			return true
		end
	end
	return false
end

-- A connection comes up: which queue pairs belong together.
local function look_at_cm(pinfo)
	local req, rep = value(F.req_qp), value(F.rep_qp)
	if not req and not rep then
		return
	end
	local src, dst = addresses(pinfo)
	local transaction = tostring(value(F.transaction))
	if req then
		if our_port(value(F.port) or -1) then
			requests_of_cm[src .. " " .. dst .. " " .. transaction] = req
		end
		return
	end
	local key = dst .. " " .. src .. " " .. transaction
	local qp = requests_of_cm[key]
	if qp then
		requests_of_cm[key] = nil
		local queue = queues.new(dst, src, false, true)
		ends[end_key(src, rep)] = new_end(queue, true)
		ends[end_key(dst, qp)] = new_end(queue, false)
	end
end

-- A command that can be nothing else, of a connection that was there before the capture:
-- descriptors that add up, or a Connect of a control queue.
local function surely_command(tvb)
	local n = (tvb:len() - WIRE.PDU_SIZE) / 16
	if n < 1 or n ~= math.floor(n) or not wire.plausible(tvb, true) then
		return false
	end
	local op, sum = tvb(0, 2):le_uint(), 0
	for i = 1, n do
		sum = sum + tvb(16 * i + 8, 4):le_uint()
	end
	local members = COMMAND[FORM[op][2]]
	if op == OP.CONNECT then
		return n == 1 and sum == 1024 and member(tvb, members, "length") == 1024
	end
	return sum > 0 and (op == OP.VQ and sum == member(tvb, members, "out_length") +
			    member(tvb, members, "in_length") or
		op == OP.VQ_KEYED_EAGER_BUF and sum == member(tvb, members, "in_length"))
end

local function find_end(pinfo, tvb, op)
	local src, dst = addresses(pinfo)
	local key = end_key(dst, value(F.qp))
	local there = ends[key]
	if not there and op == RC.SEND_ONLY and surely_command(tvb) then
		local queue = queues.new(src, dst, false, false)
		there = new_end(queue, true)
		ends[key] = there
		unpaired[#unpaired + 1] = queue
	end
	return there
end

-- The other half of such a connection: where the acknowledgement goes.
local function look_at_ack(pinfo)
	if #unpaired == 0 then
		return
	end
	local src, dst = addresses(pinfo)
	for i, queue in ipairs(unpaired) do
		if queue.target == src and queue.initiator == dst and queue.psns[value(F.psn)] then
			ends[end_key(dst, value(F.qp))] = new_end(queue, false)
			table.remove(unpaired, i)
			return
		end
	end
end

-- Does this request come a second time? Numbers have 24 bits.
local function is_again(there, psn)
	local last = there.psn
	if last and (psn - last - 1) % 0x1000000 >= 0x800000 then
		return true
	end
	there.psn = psn
	there.queue.psns[psn] = true
	return false
end

local function overlap(va, length, d)
	if va < d.addr then
		return (d.addr - va) < UInt64(length)
	end
	return (va - d.addr) < UInt64(d.length)
end

-- The requests that have named this memory of the initiator.
local function named(queue, va, length, key)
	local found = {}
	for _, r in pairs(queue.pending) do
		local at = 0
		for _, d in ipairs(r.descs) do
			if d.key == key and d.length > 0 and overlap(va, length, d) then
				found[#found + 1] = {request = r, at = at}
				if va >= d.addr then
					found[#found].at = at + (va - d.addr):tonumber()
				end
				break
			end
			at = at + d.length
		end
	end
	table.sort(found, function(a, b) return a.request.id < b.request.id end)
	return found
end

-- The place of a write within the eager range; false: there is none.
local function eager_place(queue, va, length, key)
	local range = queue.instance and queue.instance.eager[queue.vq]
	if not range then
		return nil
	end
	for _, buffer in ipairs(range) do
		if buffer.key == key and va >= buffer.addr and
		   (va - buffer.addr) + UInt64(length) <= UInt64(buffer.length) then
			return buffer.base + (va - buffer.addr):tonumber()
		end
	end
	return false
end

-- A transfer by RDMA, from its first packet or its request on.
local function new_transfer(there, kind, pinfo)
	local queue = there.queue
	local va, key, length = value(F.va), value(F.key), value(F.length)
	local t = {kind = kind, frame = pinfo.number, length = length, done = 0, trouble = {},
		queue = queue, at_target = there.at_target}
	if kind == "write" and there.at_target then
		local place = eager_place(queue, va, length, key)
		if place then
			t.offset = place
			queue.eager_writes[#queue.eager_writes + 1] = t
		elseif place == false then
			t.trouble[1] = e.range
		end
		return t
	end
	t.requests = named(queue, va, length, key)
	if #t.requests == 0 and queue.whole then
		t.trouble[1] = e.memory
	end
	return t
end

-- Bytes of a transfer that say more than data: names, eager buffers, a disk's request.
local function read_transfer(t, tvb)
	if t.offset then
		t.disk = t.disk or t.done == 0 and queues.disk_header(t.queue, tvb)
		return
	end
	local r = t.requests and t.requests[1] and t.requests[1].request
	if r and r.op == OP.VQ and t.kind == "read" and t.requests[1].at == 0 and t.done == 0 then
		r.disk = queues.disk_header(t.queue, tvb)
	elseif r and not is_vq(r.op) and t.length <= 256 * 16 then
		t.body = t.body or ByteArray.new()
		t.body:append(tvb:bytes())
		if t.body:len() < t.length then
			return
		end
		t.whole = true
		local body = t.body:tvb("Body")
		if r.op == OP.CONNECT and t.kind == "read" and t.length == 1024 then
			queues.read_names(r, body)
		elseif r.op == OP.GET_KEYED_EAGER_BUF and t.kind == "write" then
			r.array = {}
			for at = 0, body:len() - 16, 16 do
				r.array[#r.array + 1] = {addr = body(at, 8):le_uint64(),
					length = body(at + 8, 4):le_uint(),
					key = body(at + 12, 4):le_uint()}
			end
		end
	end
end

-- What a packet is, when it is seen first; nil if it is none of ours.
local function first_look(tvb, pinfo, op)
	local there = find_end(pinfo, tvb, op)
	if not there then
		return nil
	end
	local k = {op = op, there = there, kind = REQUESTS[op] or RESPONSES[op]}
	if REQUESTS[op] and is_again(there, value(F.psn)) then
		k.again = true
	elseif k.kind == "send" then
		if BEGINS[op] then
			there.message = ByteArray.new()
		end
		if there.message and not (BEGINS[op] and ENDS[op]) then
			there.message:append(tvb:bytes())
			k.message = ENDS[op] and there.message or nil
		end
		k.complete = ENDS[op] and there.message and true
	elseif k.kind == "read" then
		k.transfer = new_transfer(there, "read", pinfo)
		k.transfer.psn = value(F.psn)
	elseif k.kind == "write" then
		if BEGINS[op] then
			there.write = new_transfer(there, "write", pinfo)
		end
		k.transfer = there.write
	else
		if BEGINS[op] then
			there.read = there.reads[value(F.psn)]
		end
		k.transfer = there.read
	end
	if k.transfer and k.kind ~= "read" then
		k.at = k.transfer.done
		read_transfer(k.transfer, tvb)
		k.transfer.done = k.at + tvb:len()
		k.body = k.transfer.whole and k.transfer.body
	end
	return k
end

local function look_at_message(k, pinfo, tvb)
	local queue = k.there.queue
	if tvb:len() < WIRE.PDU_SIZE then
		k.bad = e.short
	elseif k.there.at_target then
		k.command = queues.begin(queue, pinfo, tvb)
		if tvb:len() % 16 ~= 0 then
			k.command.trouble[#k.command.trouble + 1] = e.size
		end
	else
		k.completion = queues.finish(queue, pinfo, tvb)
		if tvb:len() > WIRE.PDU_SIZE then
			k.completion.trouble[#k.completion.trouble + 1] = e.extra
		end
	end
	k.looked = true
end

local function show_transfer(k, tvb, pinfo, tree)
	local t = k.transfer
	local item = tree:add(vof, tvb and tvb() or nil)
	local what = k.kind == "write" and "RDMA WRITE" or
		k.kind == "read" and "RDMA READ" or "RDMA READ response"
	local text = what
	item:set_text("Virtio over Fabrics, " .. what)
	generated(item, f.rdma, what)
	generated(item, f.data_length, tvb and tvb:len() or t.length)
	if k.at and k.at > 0 then
		generated(item, f.rdma_offset, k.at)
	end
	if t.offset then
		text = string.format("Eager write offset=%d length=%d", t.offset, t.length)
		item:set_text("Virtio over Fabrics, eager write")
		generated(item, f.eager_offset, t.offset)
		generated(item, f.eager_length, t.length)
		show.disk(item, k.at == 0 and t.disk)
		if t.request then
			generated(item, f.id, t.request.id)
			generated(item, f.request_in, t.request.frame)
		end
	end
	for _, found in ipairs(t.requests or {}) do
		local r = found.request
		generated(item, f.answers, r.op)
		generated(item, f.id, r.id)
		generated(item, f.request_in, r.frame)
		text = text .. string.format(" for %s id=0x%04x", r.form[1], r.id)
	end
	if k.body then
		local body = k.body:tvb("Body")
		local r = t.requests[1].request
		if r.op == OP.CONNECT and t.length == 1024 then
			show.names(item, body, r)
			text = text .. " tvqn=" .. (r.tvqn or "?")
		elseif r.op == OP.GET_KEYED_EAGER_BUF then
			show.descriptors(item, body, 0, math.floor(body:len() / 16))
		end
	elseif tvb then
		item:add(f.data, tvb())
	end
	show.queue(item, t.queue)
	show.trouble(item, t.trouble)
	show.say(pinfo, text)
end

-- What has a payload; Wireshark asks everybody, this one early.
local function payload(tvb, pinfo, tree)
	local op = value(F.opcode)
	if not op or not (REQUESTS[op] or RESPONSES[op]) or tvb:len() == 0 then
		return false
	end
	tvb = tvb(0, tvb:len() - (value(F.pad) or 0)):tvb()
	local k = kept[pinfo.number]
	if not k and not pinfo.visited then
		k = first_look(tvb, pinfo, op)
		kept[pinfo.number] = k
	end
	if not k then
		return false
	end
	if k.again then
		local item = tree:add(vof, tvb())
		item:add(f.again, true):set_generated()
		show.queue(item, k.there.queue)
		show.say(pinfo, "Sent again")
	elseif k.transfer then
		show_transfer(k, tvb, pinfo, tree)
	elseif k.complete then
		local message = k.message and k.message:tvb("Message") or tvb
		if not k.looked then
			look_at_message(k, pinfo, message)
		end
		if k.bad then
			local item = tree:add(vof, message())
			item:add_proto_expert_info(k.bad)
			show.say(pinfo, "Malformed")
		elseif k.command then
			show.command(message, pinfo, tree, k.command)
		else
			show.completion(message, pinfo, tree, k.completion)
		end
	else
		show.say(pinfo, "Part of a message")
	end
	return true
end

-- What has no payload: connections, RDMA READ, acknowledgements.
local function rest(tvb, pinfo, tree)
	local op = value(F.opcode)
	if not op then
		return
	end
	if op ~= RC.READ_REQUEST then
		if not pinfo.visited then
			if op == RC.ACK then
				look_at_ack(pinfo)
			else
				look_at_cm(pinfo)
			end
		end
		return
	end
	local k = kept[pinfo.number]
	if not k and not pinfo.visited then
		k = first_look(tvb, pinfo, op)
		kept[pinfo.number] = k
		if k and k.transfer then
			-- The answer comes to the other end.
			for _, other in pairs(ends) do
				if other.queue == k.there.queue and other ~= k.there then
					other.reads[k.transfer.psn] = k.transfer
				end
			end
		end
	end
	if k and k.transfer then
		show_transfer(k, nil, pinfo, tree)
	end
end

return {payload = payload, rest = rest, reset = reset}

end
