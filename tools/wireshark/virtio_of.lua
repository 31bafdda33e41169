-- SPDX-License-Identifier: GPL-2.0
--
-- Virtio over Fabrics for Wireshark and tshark: commands, completions, descriptors and
-- eager writes, over RDMA (InfiniBand, RoCE) and over TCP. Every request knows its answer
-- and the time between.
--
--	tshark -X lua_script:virtio_of.lua -r FILE -Y 'vof.time > 0.01'
--
-- What is inside TLS is left to Wireshark's own dissector, and iWARP too. A packet may be
-- looked at any number of times and in any order, so whatever depends on packets before it
-- is worked out when it is seen first, and kept.
--
-- The parts are in the directory virtio_of beside this file. Each is a function, or a
-- table, so that nothing happens where Wireshark loads them by itself.

local here = debug.getinfo(1, "S").source:match("^@(.*)virtio_of%.lua$")

local function part(name)
	return assert(loadfile(here .. "virtio_of/" .. name .. ".lua"))()
end

local vof = Proto("vof", "Virtio over Fabrics")
local wire = part("wire")
local f, e, dev_status = part("fields")(vof, wire)

vof.prefs.ports = Pref.range("Ports", tostring(wire.WIRE.PORT), "TCP ports, and ports of RDMA CM",
	65535)

local queues = part("queue")(wire, e)
local show = part("show")(vof, wire, f, e, dev_status, queues)
local tcp = part("tcp")(vof, wire, queues, show, e)
local rdma = part("rdma")(vof, wire, queues, show, f, e)

function vof.init()
	queues.reset()
	tcp.reset()
	rdma.reset()
end

vof.dissector = tcp.dissect
vof:register_heuristic("infiniband.payload", rdma.payload)

local rest = Proto("vof_rdma", "Virtio over Fabrics, RDMA without payload")

rest.dissector = rdma.rest
register_postdissector(rest)

-- What other dissectors have found is there only when somebody wants to see something:
-- this one does, from the first look at a packet on.
local looker = Listener.new("frame", "vof")

function looker.packet()
end

local tcp_ports = DissectorTable.get("tcp.port")
tcp_ports:add_for_decode_as(vof)
local registered

local function register_ports()
	local ports = tostring(vof.prefs.ports)
	if ports == registered then
		return
	end
	if registered then
		tcp_ports:remove(registered, vof)
	end
	tcp_ports:add(ports, vof)
	registered = ports
end

vof.prefs_changed = register_ports
register_ports()
