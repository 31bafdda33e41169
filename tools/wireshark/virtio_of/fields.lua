-- SPDX-License-Identifier: GPL-2.0
--
-- The fields that people filter by, and what is told to be wrong.

return function(vof, wire)

local WIRE = wire.WIRE
local status_names, opcode_names = wire.status_names, wire.opcode_names

local f = {
	opcode = ProtoField.uint16("vof.opcode", "Opcode", base.HEX, opcode_names),
	status = ProtoField.uint16("vof.status", "Status", base.HEX, status_names),
	id = ProtoField.uint16("vof.id", "Command id", base.HEX),
	queue = ProtoField.string("vof.queue", "Queue"),
	time = ProtoField.relative_time("vof.time", "Time since the command"),
	request_in = ProtoField.framenum("vof.request_in", "Command in", base.NONE,
		frametype.REQUEST),
	answer_in = ProtoField.framenum("vof.answer_in", "Completion in", base.NONE,
		frametype.RESPONSE),
	answers = ProtoField.uint16("vof.answers", "Answers", base.HEX, opcode_names),
	event = ProtoField.string("vof.event", "Event"),
	reserved = ProtoField.bytes("vof.reserved", "Reserved"),
	ivqn = ProtoField.string("vof.ivqn", "IVQN"),
	tvqn = ProtoField.string("vof.tvqn", "TVQN"),
	data = ProtoField.bytes("vof.data", "Data"),
	data_length = ProtoField.uint32("vof.data.length", "Length of the data"),
	-- members of the structures
	device_instance_id = ProtoField.uint16("vof.device_instance_id", "Instance", base.HEX,
		{[WIRE.INSTANCE_CONTROL] = "a new control queue"}),
	vq_index = ProtoField.uint16("vof.vq_index", "Virtqueue"),
	length = ProtoField.uint32("vof.length", "Length"),
	queue_size = ProtoField.uint16("vof.queue_size", "Queue size"),
	feature_select = ProtoField.uint32("vof.feature_select", "Feature word"),
	feature = ProtoField.uint64("vof.feature", "Features", base.HEX),
	num_descs = ProtoField.bool("vof.feature.keyed_num_descs", "KEYED_NUM_DESCS", 64, nil,
		2 ^ WIRE.F_KEYED_NUM_DESCS),
	eager_buf = ProtoField.bool("vof.feature.keyed_eager_buf", "KEYED_EAGER_BUF", 64, nil,
		2 ^ WIRE.F_KEYED_EAGER_BUF),
	device_feature = ProtoField.uint64("vof.device_feature", "Features of the device",
		base.HEX),
	descs = ProtoField.uint8("vof.descs", "Descriptors"),
	out_offset = ProtoField.uint32("vof.out_offset", "Offset into the eager range"),
	out_length = ProtoField.uint32("vof.out_length", "Device-readable bytes"),
	in_length = ProtoField.uint32("vof.in_length", "Device-writable bytes"),
	vendor_id = ProtoField.uint32("vof.vendor_id", "Vendor id", base.HEX),
	device_id = ProtoField.uint32("vof.device_id", "Device id", base.DEC, wire.DEVICE),
	dev_status = ProtoField.uint32("vof.dev_status", "Status of the device", base.HEX),
	size = ProtoField.uint16("vof.size", "Size of the virtqueue"),
	offset = ProtoField.uint16("vof.offset", "Offset"),
	bytes = ProtoField.uint8("vof.bytes", "Bytes"),
	config = ProtoField.uint64("vof.config", "Value", base.HEX),
	generation = ProtoField.uint32("vof.generation", "Generation"),
	-- RDMA
	desc = ProtoField.none("vof.desc", "Keyed descriptor"),
	desc_addr = ProtoField.uint64("vof.desc.addr", "Address", base.HEX),
	desc_length = ProtoField.uint32("vof.desc.length", "Length"),
	desc_key = ProtoField.uint32("vof.desc.key", "Key", base.HEX),
	rdma = ProtoField.string("vof.rdma", "RDMA"),
	rdma_offset = ProtoField.uint32("vof.rdma.offset", "Offset into the message"),
	eager_offset = ProtoField.uint32("vof.eager.offset", "Eager offset"),
	eager_length = ProtoField.uint32("vof.eager.length", "Eager length"),
	eager_in = ProtoField.framenum("vof.eager_in", "Written in"),
	again = ProtoField.bool("vof.again", "Sent again"),
	-- what virtio-blk reads first
	blk_type = ProtoField.uint32("vof.blk.type", "Disk", base.DEC, wire.DISK),
	blk_sector = ProtoField.uint64("vof.blk.sector", "Sector"),
}

local DEV_STATUS = {
	{"acknowledge", 0}, {"driver", 1}, {"driver_ok", 2}, {"features_ok", 3},
	{"needs_reset", 6}, {"failed", 7},
}
for _, bit in ipairs(DEV_STATUS) do
	f["dev_status_" .. bit[1]] = ProtoField.bool("vof.dev_status." .. bit[1],
		bit[1]:upper(), 32, nil, 2 ^ bit[2])
end

vof.fields = (function()
	local list = {}
	for _, field in pairs(f) do
		list[#list + 1] = field
	end
	return list
end)()

local function expert_info(name, text, group, severity)
	return ProtoExpert.new("vof." .. name, text, group, severity)
end

local M, P, S = expert.group.MALFORMED, expert.group.PROTOCOL, expert.group.SEQUENCE
local e = {
	short = expert_info("bad.short", "Shorter than a command", M, expert.severity.ERROR),
	size = expert_info("bad.size", "Not of a whole number of descriptors", M, expert.severity.ERROR),
	extra = expert_info("bad.extra", "A completion is 16 bytes", M, expert.severity.ERROR),
	opcode = expert_info("bad.opcode", "Unknown opcode", P, expert.severity.WARN),
	unknown = expert_info("bad.status", "Unknown status", P, expert.severity.WARN),
	reserved = expert_info("bad.reserved", "Reserved bytes are not zero", P, expert.severity.NOTE),
	sum = expert_info("bad.sum", "The descriptors do not add up to the lengths", M, expert.severity.ERROR),
	body = expert_info("bad.body", "A body is 0 or 1024 bytes, and has its descriptor", M,
		expert.severity.ERROR),
	name = expert_info("bad.name", "A name that is empty or has no end", M, expert.severity.ERROR),
	long = expert_info("bad.long", "Longer than any request", M, expert.severity.ERROR),
	keyed = expert_info("bad.keyed", "Nothing is keyed on a stream", P, expert.severity.ERROR),
	queue = expert_info("bad.queue", "Not a command of this queue", P, expert.severity.WARN),
	range = expert_info("bad.range", "Outside the eager buffers", P, expert.severity.ERROR),
	unwritten = expert_info("bad.unwritten", "Bytes of it were not written", P, expert.severity.WARN),
	memory = expert_info("bad.memory", "Memory that nobody has named", P, expert.severity.WARN),
	first = expert_info("bad.first", "The first command is not Connect", S, expert.severity.ERROR),
	twice = expert_info("bad.twice", "This id is in flight already", S, expert.severity.ERROR),
	flight = expert_info("bad.flight", "No such command is in flight", S, expert.severity.ERROR),
	lengths = expert_info("bad.lengths", "length and in_length differ", P, expert.severity.ERROR),
	room = expert_info("bad.room", "More than there is room for", P, expert.severity.ERROR),
	both = expert_info("bad.both", "An error with a length", P, expert.severity.ERROR),
	width = expert_info("bad.width", "A width other than 1, 2, 4, 8", P, expert.severity.WARN),
	failed = expert_info("failed", "The command has failed", expert.group.RESPONSE_CODE,
		expert.severity.NOTE),
	unanswered = expert_info("unanswered", "Not answered in this capture", S, expert.severity.NOTE),
}
vof.experts = (function()
	local list = {}
	for _, info in pairs(e) do
		list[#list + 1] = info
	end
	return list
end)()

return f, e, DEV_STATUS

end
