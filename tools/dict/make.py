"""Makes internal/dialogue/semantic/dict.bin: the segmenter's words and the table from traditional to simplified characters.

    python3 -m venv /tmp/dict && /tmp/dict/bin/pip install -r requirements.txt && /tmp/dict/bin/python make.py

The file, little endian, is used in place, without decoding:
  8 bytes   "FDDICT1\\n"
  uint32    slots of the word table, a power of two
  uint32    number of words
  uint32    largest cost of a word, in 1/14 nat
  uint32    reserved
  HAN bytes for each character of FIRST..LAST: bit n is set if a word of n+1 characters starts with it
  HAN uint16 for each character of FIRST..LAST: its simplified form, or itself
  slots x uint32: 0 is free, else fingerprint << 8 | cost, found by linear probing from hash >> 24
"""
import math, pathlib, re, struct, sys
import jieba, opencc

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent.parent / "internal/dialogue/semantic/dict.bin"
FIRST, LAST, LONGEST, RAREST = 0x3400, 0x9FFF, 8, 4
HAN = re.compile("^[\u3400-\u9fff]+$")
M64 = (1 << 64) - 1


def key(word):
    """The same hash as semantic.extend: one multiplication a character, then a final mix by the table."""
    h = 0
    for ch in word:
        h = ((h ^ ord(ch)) * 0x9E3779B97F4A7C15) & M64
        h ^= h >> 29
    return h


def words():
    found = {}
    for line in (pathlib.Path(jieba.__file__).parent / "dict.txt").read_text("utf-8").splitlines():
        word, count, *tag = line.split()
        # Names of persons of three and more characters are many, rare, and no help in finding answers.
        if not HAN.match(word) or len(word) > LONGEST or (len(word) > 2 and tag and tag[0].startswith("nr")):
            continue
        if int(count) >= RAREST or len(word) == 1:
            found[word] = int(count)
    for line in (HERE / "words.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, count = line.split()
            found[word] = max(found.get(word, 0), int(count))
    return found


def simplified():
    path = pathlib.Path(opencc.__file__).parent / "dictionary/TSCharacters.txt"
    table = {}
    for line in path.read_text("utf-8").splitlines():
        old, _, new = line.partition("\t")
        new = new.split()[0]
        if len(old) == 1 and len(new) == 1 and FIRST <= ord(old) <= LAST and FIRST <= ord(new) <= LAST and old != new:
            table[old] = new
    table["瞭"] = "了"  # 瞭解 is by far its most frequent use
    for old, new in list(table.items()):  # a form that is simplified again would make normalising twice differ
        seen = {old}
        while new in table and new not in seen:
            seen.add(new)
            new = table[new]
        table[old] = new
    return {a: b for a, b in table.items() if a != b}


def main():
    t2s = simplified()
    found = {}
    for w, c in words().items():
        w = "".join(t2s.get(ch, ch) for ch in w)
        found[w] = max(found.get(w, 0), c)
    total = sum(found.values())
    slots = 1 << math.ceil(math.log2(len(found) / .6))
    table, lengths, top = [0] * slots, bytearray(LAST - FIRST + 1), 0
    for w, c in sorted(found.items()):
        cost = max(1, min(255, round(14 * math.log(total / max(c, 1)))))
        top = max(top, cost)
        h = key(w)
        i, fingerprint = (h >> 24) & (slots - 1), h & 0xFFFFFF
        while table[i]:
            if table[i] >> 8 == fingerprint:
                sys.exit(f"{w}: another word has its fingerprint on its path; change the multiplier")
            i = (i + 1) & (slots - 1)
        table[i] = fingerprint << 8 | cost
        lengths[ord(w[0]) - FIRST] |= 1 << (len(w) - 1)
    forms = [ord(t2s.get(chr(c), chr(c))) for c in range(FIRST, LAST + 1)]
    OUT.write_bytes(b"FDDICT1\n" + struct.pack("<4I", slots, len(found), top, 0) + bytes(lengths)
                    + struct.pack(f"<{len(forms)}H", *forms) + struct.pack(f"<{slots}I", *table))
    print(f"{len(found)} words, {slots} slots, largest cost {top}, {len(t2s)} traditional characters, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
