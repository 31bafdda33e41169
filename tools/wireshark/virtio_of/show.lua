-- SPDX-License-Identifier: GPL-2.0
--
-- What people see of a message: tree, columns, and how it hangs together with others.

return function(vof, wire, f, e, DEV_STATUS, queues)

local WIRE, OP = wire.WIRE, wire.OP

local function generated(tree, field, value)
	return tree:add(field, value):set_generated()
end

local function nstime(seconds)
	local whole = math.floor(seconds)
	return NSTime.new(whole, math.floor((seconds - whole) * 1e9 + 0.5))
end

local function say_trouble(tree, trouble)
	for _, info in ipairs(trouble) do
		tree:add_proto_expert_info(info)
	end
end

-- One line of a packet may be about several messages.
local function say(pinfo, text)
	local k = pinfo.private.vof_said
	pinfo.cols.protocol:set("VOF")
	if k then
		pinfo.cols.info:append(", " .. text)
	else
		pinfo.cols.info:set(text)
		pinfo.private.vof_said = "yes"
	end
	pinfo.cols.info:fence()
end

local function show_members(tree, tvb, form, members, select)
	local text = ""
	for _, m in ipairs(members) do
		local name = form[5] and form[5][m[1]] or m[1]
		local range = tvb(m[2], m[3])
		local item = tree:add_le(f[name], range)
		if name == "feature" and select == 0 then
			item:add_le(f.num_descs, range)
			item:add_le(f.eager_buf, range)
		elseif name == "dev_status" then
			for _, bit in ipairs(DEV_STATUS) do
				item:add_le(f["dev_status_" .. bit[1]], range)
			end
		end
		text = text .. " " .. m[1] .. "=" .. (m[3] == 8 and
			"0x" .. range:le_uint64():tohex():gsub("^0+(.)", "%1") or
			range:le_uint())
	end
	for _, gap in ipairs(wire.gaps(members)) do
		local range = tvb(gap[1], gap[2])
		if range:bytes():tohex():find("[^0]") then
			tree:add(f.reserved, range):add_proto_expert_info(e.reserved)
		end
	end
	return text
end

local function show_names(tree, tvb, r)
	tree:add(f.ivqn, tvb(0, WIRE.VQN_SIZE))
	tree:add(f.tvqn, tvb(WIRE.VQN_SIZE, WIRE.VQN_SIZE))
	if not r.good_names then
		tree:add_proto_expert_info(e.name)
	end
end

local function show_disk(tree, disk)
	if disk then
		generated(tree, f.blk_type, disk.type)
		generated(tree, f.blk_sector, disk.sector)
	end
end

local function show_queue(tree, queue, names_shown)
	local name = queues.name(queue)
	if name then
		generated(tree, f.queue, name)
	end
	if not names_shown and queue.instance and queue.instance.tvqn then
		generated(tree, f.tvqn, queue.instance.tvqn)
	end
end

local function show_descriptors(tree, tvb, at, n)
	for i = 1, n do
		local range = tvb(at + 16 * (i - 1), 16)
		local item = tree:add(f.desc, range)
		item:add_le(f.desc_addr, range(0, 8))
		item:add_le(f.desc_length, range(8, 4))
		item:add_le(f.desc_key, range(12, 4))
		item:append_text(": " .. range(8, 4):le_uint() .. " bytes at 0x" ..
			range(0, 8):le_uint64():tohex())
	end
end

local function show_command(tvb, pinfo, tree, r)
	local item = tree:add(vof, tvb())
	item:set_text("Virtio over Fabrics, " .. r.form[1])
	item:add_le(f.opcode, tvb(0, 2))
	item:add_le(f.id, tvb(2, 2))
	local text = show_members(item, tvb, r.form, wire.COMMAND[r.form[2]], r.feature_select)
	local body = r.queue.stream and r.op == OP.CONNECT and r.length == 1024
	if r.queue.stream then
		if body then
			show_names(item, tvb(WIRE.PDU_SIZE):tvb(), r)
		elseif tvb:len() > WIRE.PDU_SIZE then
			item:add(f.data, tvb(WIRE.PDU_SIZE))
			generated(item, f.data_length, tvb:len() - WIRE.PDU_SIZE)
		end
	else
		show_descriptors(item, tvb, WIRE.PDU_SIZE, #r.descs)
	end
	show_disk(item, r.disk)
	show_queue(item, r.queue, body)
	for _, w in ipairs(r.writes or {}) do
		generated(item, f.eager_in, w.frame)
	end
	if r.answer then
		generated(item, f.answer_in, r.answer)
	elseif pinfo.visited then
		item:add_proto_expert_info(e.unanswered)
	end
	say_trouble(item, r.trouble)
	say(pinfo, string.format("%s id=0x%04x%s%s", r.form[1], r.id, text,
		r.tvqn and " tvqn=" .. r.tvqn or ""))
end

local function show_completion(tvb, pinfo, tree, c)
	local item = tree:add(vof, tvb())
	local what = c.form[1] .. (c.request and " completion" or "")
	item:set_text("Virtio over Fabrics, " .. what)
	item:add_le(f.status, tvb(0, 2))
	item:add_le(f.id, tvb(2, 2))
	local members = c.form[3] and wire.COMPLETION[c.form[3]]
	if c.form == wire.CONFIG_CHANGE then
		members = {members[1]}
		generated(item, f.event, "config change")
	elseif c.form == wire.ASK then
		generated(item, f.event, "keepalive")
	elseif c.form == wire.EVENT then
		generated(item, f.event, "unknown")
	end
	local text = members and show_members(item, tvb, c.form, members,
		c.request and c.request.feature_select) or ""
	if tvb:len() > WIRE.PDU_SIZE then
		item:add(f.data, tvb(WIRE.PDU_SIZE))
		generated(item, f.data_length, tvb:len() - WIRE.PDU_SIZE)
	end
	show_queue(item, c.queue)
	if c.request then
		generated(item, f.answers, c.request.op)
		generated(item, f.request_in, c.request.frame)
		generated(item, f.time, nstime(c.time))
	end
	say_trouble(item, c.trouble)
	say(pinfo, string.format("%s id=0x%04x %s%s%s", what, c.id,
		wire.status_names[c.status] or string.format("status 0x%04x", c.status), text,
		c.time and string.format(" (%.3f ms)", c.time * 1000) or ""))
end

return {
	command = show_command, completion = show_completion, names = show_names,
	descriptors = show_descriptors, disk = show_disk, queue = show_queue,
	generated = generated, trouble = say_trouble, say = say,
}

end
