"""Objects whose dynamic symbols and their names lie far apart, as patchelf and other tools leave them."""

import struct

SHT_PROGBITS, SHT_DYNAMIC, SHT_DYNSYM, DT_STRTAB = 1, 6, 11, 5
MARK = b"the names go here"
ROOM = f'char room_for_names[8192] = "{MARK.decode()}";\n'  # the source of an object must have this
# With much in between that is no memory.
LINK_FLAGS = ["-Wl,-z,separate-code", "-Wl,-z,max-page-size=0x200000"]


def sections_of(data):
    offset, = struct.unpack_from("<Q", data, 40)
    count, = struct.unpack_from("<H", data, 60)
    names = ("name", "type", "flags", "address", "offset", "size", "link")
    return [dict(zip(names, struct.unpack_from("<IIQQQQI", data, offset + 64 * i))) for i in range(count)]


def move_names(path):
    """Moves the names of the dynamic symbols of the object at @path into its data."""
    data = bytearray(path.read_bytes())
    sections = sections_of(data)
    symbols, dynamic = (next(s for s in sections if s["type"] == kind) for kind in (SHT_DYNSYM, SHT_DYNAMIC))
    names = sections[symbols["link"]]
    mark = data.index(MARK)
    room = next(s for s in sections if s["type"] == SHT_PROGBITS and 0 <= mark - s["offset"] < s["size"])
    data[mark:mark + names["size"]] = data[names["offset"]:names["offset"] + names["size"]]
    for at in range(dynamic["offset"], dynamic["offset"] + dynamic["size"], 16):
        if struct.unpack_from("<Q", data, at)[0] == DT_STRTAB:
            struct.pack_into("<Q", data, at + 8, room["address"] + mark - room["offset"])
    path.write_bytes(data)
