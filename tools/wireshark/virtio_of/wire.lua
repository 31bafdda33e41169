-- SPDX-License-Identifier: GPL-2.0
--
-- What goes over the wire, by the names of include/uapi/linux/virtio_of.h: a test holds the
-- tables here to that header, so they keep to one entry a line.

local WIRE = {
	PORT = 8549,
	VQN_SIZE = 256,
	INSTANCE_CONTROL = 0xffff,
	ID_ASYNC_FIRST = 0xff00,
	ID_CONFIG_CHANGE = 0xfffe,
	ID_KEEPALIVE = 0xffff,
	CONTROL_QUEUE_SIZE = 32,
	PDU_SIZE = 16,
	F_KEYED_NUM_DESCS = 0,
	F_KEYED_EAGER_BUF = 1,
}

local STATUS = {
	SUCCESS = 0x0000,
	ENOCMD = 0x0001,
	ECMDQUOT = 0x0002,
	ENOTGT = 0x1001,
	ENODEV = 0x1002,
	EACLREJECTED = 0x1003,
	EBADDEV = 0x1010,
	EBADVQN = 0x1011,
	EQUEUEQUOT = 0x1020,
	EQUEUEBUSY = 0x1021,
	EQSIZEQUOT = 0x1022,
	EFEATURE = 0x2000,
	ESTATUS = 0x2010,
	EDEVFEATURE = 0x2020,
	ECONFOFF = 0x2030,
	ECONFBYTES = 0x2031,
	EOUTVQBUF = 0x20f0,
	EINVQBUF = 0x20f1,
}

local OP = {
	CONNECT = 0x0000,
	DISCONNECT = 0x0001,
	KEEPALIVE = 0x0002,
	GET_FEATURE = 0x0004,
	SET_FEATURE = 0x0005,
	GET_KEYED_NUM_DESCS = 0x0100,
	GET_KEYED_EAGER_BUF = 0x0102,
	VQ_KEYED_EAGER_BUF = 0x0ffe,
	VQ = 0x0fff,
	GET_VENDOR_ID = 0x1000,
	GET_DEVICE_ID = 0x1001,
	RESET_DEVICE = 0x1003,
	GET_STATUS = 0x1004,
	SET_STATUS = 0x1005,
	GET_DEVICE_FEATURE = 0x1006,
	SET_DRIVER_FEATURE = 0x1009,
	GET_VQ_SIZE = 0x100a,
	GET_CONFIG = 0x100c,
	SET_CONFIG = 0x100d,
}

-- Members behind the first four bytes: name, offset, size. What none of them covers is
-- reserved.
local COMMAND = {
	common = {},
	connect = {
		{"device_instance_id", 4, 2}, {"vq_index", 6, 2}, {"length", 8, 4},
		{"queue_size", 12, 2},
	},
	feature = { {"feature_select", 4, 4}, {"feature", 8, 8} },
	get_keyed_eager_buf = { {"vq_index", 4, 2}, {"descs", 6, 1} },
	vq_keyed_eager_buf = {
		{"out_offset", 4, 4}, {"out_length", 8, 4}, {"in_length", 12, 4},
	},
	vq = { {"out_length", 8, 4}, {"in_length", 12, 4} },
	set_status = { {"status", 4, 4} },
	get_vq_size = { {"vq_index", 4, 2} },
	config = { {"offset", 4, 2}, {"bytes", 6, 1}, {"config", 8, 8} },
}

local COMPLETION = {
	common = {},
	connect = { {"device_instance_id", 4, 2} },
	feature = { {"feature", 8, 8} },
	descs = { {"descs", 4, 1} },
	vq_keyed_eager_buf = { {"length", 4, 4} },
	vq = { {"length", 8, 4}, {"in_length", 12, 4} },
	id = { {"id", 4, 4} },
	get_status = { {"dev_status", 4, 4} },
	get_vq_size = { {"size", 4, 2} },
	config = { {"generation", 4, 4}, {"config", 8, 8} },
}

-- What each command looks like and its completion, the queue that it belongs to (C, V),
-- and the name of a member where the command says more of it than the structure.
local FORM = {
	[OP.CONNECT] = {"Connect", "connect", "connect", "CV"},
	[OP.DISCONNECT] = {"Disconnect", "common", "common", "CV"},
	[OP.KEEPALIVE] = {"Keepalive", "common", "common", "C"},
	[OP.GET_FEATURE] = {"Get Feature", "feature", "feature", "C"},
	[OP.SET_FEATURE] = {"Set Feature", "feature", "common", "C"},
	[OP.GET_KEYED_NUM_DESCS] = {"Get Keyed Number Descriptors", "common", "descs", "C"},
	[OP.GET_KEYED_EAGER_BUF] = {"Get Keyed Eager Buffers", "get_keyed_eager_buf", "descs", "C"},
	[OP.VQ_KEYED_EAGER_BUF] = {"VQ Keyed Eager Buffers", "vq_keyed_eager_buf",
		"vq_keyed_eager_buf", "V"},
	[OP.VQ] = {"VQ", "vq", "vq", "V"},
	[OP.GET_VENDOR_ID] = {"Get Vendor ID", "common", "id", "C", {id = "vendor_id"}},
	[OP.GET_DEVICE_ID] = {"Get Device ID", "common", "id", "C", {id = "device_id"}},
	[OP.RESET_DEVICE] = {"Reset Device", "common", "common", "C"},
	[OP.GET_STATUS] = {"Get Status", "common", "get_status", "C"},
	[OP.SET_STATUS] = {"Set Status", "set_status", "common", "C", {status = "dev_status"}},
	[OP.GET_DEVICE_FEATURE] = {"Get Device Feature", "feature", "feature", "C",
		{feature = "device_feature"}},
	[OP.SET_DRIVER_FEATURE] = {"Set Driver Feature", "feature", "common", "C",
		{feature = "device_feature"}},
	[OP.GET_VQ_SIZE] = {"Get VQ Size", "get_vq_size", "get_vq_size", "C"},
	[OP.GET_CONFIG] = {"Get Config", "config", "config", "C"},
	[OP.SET_CONFIG] = {"Set Config", "config", "common", "C"},
}
local UNKNOWN = {"Unknown command", "common", "common", "CV"}
local NO_REQUEST = {"Completion", nil, nil, "CV"}
local CONFIG_CHANGE = {"Config Change", nil, "config", "C"}
local ASK = {"Keepalive of the target", nil, "common", "C"}
local EVENT = {"Event", nil, "common", "C"}

-- Devices of virtio, and requests of its disks.
local DEVICE = {[1] = "network", [2] = "block", [4] = "entropy", [8] = "SCSI"}
local DISK = {
	[0] = "read", [1] = "write", [4] = "flush", [8] = "get id", [11] = "discard",
	[13] = "write zeroes", [14] = "secure erase",
}

-- No message of a stream is waited for that is longer. The target serves 2 MiB.
local MOST = 16 * 1024 * 1024

local function by_value(names)
	local values = {}
	for name, value in pairs(names) do
		values[value] = name
	end
	return values
end

local status_names = by_value(STATUS)
local opcode_names = {}
for value, form in pairs(FORM) do
	opcode_names[value] = form[1]
end

-- Reserved bytes, those that no member covers: offset and length of each run.
local function gaps(members)
	local list, at = {}, 4
	for _, m in ipairs(members) do
		if m[2] > at then
			list[#list + 1] = {at, m[2] - at}
		end
		at = m[2] + m[3]
	end
	if at < WIRE.PDU_SIZE then
		list[#list + 1] = {at, WIRE.PDU_SIZE - at}
	end
	return list
end

local function reserved_zero(tvb, members)
	for _, gap in ipairs(gaps(members)) do
		for i = gap[1], gap[1] + gap[2] - 1 do
			if tvb(i, 1):uint() ~= 0 then
				return false
			end
		end
	end
	return true
end

local function member(tvb, members, name)
	for _, m in ipairs(members) do
		if m[1] == name then
			return tvb(m[2], m[3]):le_uint()
		end
	end
end

-- Is this where a message begins? That is all that a capture from the middle has.
local function plausible(tvb, command)
	local first = tvb(0, 2):le_uint()
	if not command then
		return status_names[first]
	end
	return FORM[first] and reserved_zero(tvb, COMMAND[FORM[first][2]])
end

local function is_vq(op)
	return op == OP.VQ or op == OP.VQ_KEYED_EAGER_BUF
end

return {
	WIRE = WIRE, STATUS = STATUS, OP = OP, COMMAND = COMMAND, COMPLETION = COMPLETION,
	FORM = FORM, UNKNOWN = UNKNOWN, NO_REQUEST = NO_REQUEST,
	CONFIG_CHANGE = CONFIG_CHANGE, ASK = ASK, EVENT = EVENT, MOST = MOST,
	DEVICE = DEVICE, DISK = DISK,
	status_names = status_names, opcode_names = opcode_names,
	gaps = gaps, reserved_zero = reserved_zero, member = member, plausible = plausible, is_vq = is_vq,
}
