"""Recomputes the test vectors with libraries that share no code with ours.

Noise: noiseprotocol. Ed25519, X25519: cryptography (OpenSSL). CBOR: cbor2. SPAKE2: spake2. What a file says is made
again from its inputs and compared byte for byte.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys
import warnings

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from noise.connection import Keypair, NoiseConnection
from spake2 import SPAKE2_A, SPAKE2_B

# The ephemeral keys are fixed here, and the library warns of that.
warnings.filterwarnings("ignore", category=UserWarning, module="noise")

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REKEY_AFTER = 65536
checked = 0


def same(what, ours, theirs):
    """One value of a file against what was computed here."""
    global checked
    checked += 1
    if ours != theirs:
        sys.exit(f"{what}: computed {ours!r}, the file says {theirs!r}")


def vectors(name):
    return json.loads((pathlib.Path(__file__).parent / name).read_text())


def raw(text):
    return bytes.fromhex(text)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def uuid8(digest):
    cut = bytearray(digest[:16])
    cut[6] = cut[6] & 0x0F | 0x80
    cut[8] = cut[8] & 0x3F | 0x80
    return bytes(cut)


def public(key):
    return key.public_key().public_bytes_raw()


def device(described):
    """A device's Ed25519 key, after checking everything that the file says of the device."""
    signing = Ed25519PrivateKey.from_private_bytes(raw(described["ed25519_seed"]))
    agreement = X25519PrivateKey.from_private_bytes(raw(described["x25519_secret"]))
    same("ed25519", public(signing).hex(), described["ed25519"])
    same("x25519", public(agreement).hex(), described["x25519"])
    same("device id", uuid8(sha256(public(signing))).hex(), described["device_id"])
    return signing


def names():
    file = vectors("names.json")
    founder = device(file["founder"])
    founding = file["founding"]
    record = cbor2.dumps([raw(file["founder"]["device_id"]), raw(founding["nonce"]), founding["founded_at"]])
    same("founding record", record.hex(), founding["bytes"])
    same("founding signature", founder.sign(b"caseplan/case/1" + record).hex(), founding["signature"])
    case = uuid8(sha256(b"caseplan/case/1", record))
    same("case id", case.hex(), file["case_id"])
    for scope in file["scopes"]:
        if "level" in scope:
            of = bytes([1, scope["level"]])
        else:
            of = b"\x02" + raw(scope["visitation_plan"])
        same("scope id", uuid8(sha256(b"caseplan/scope/1", case, of)).hex(), scope["scope_id"])
    log = file["contact_log"]
    same("log name", (raw(log["parent"]) + struct.pack(">HI", log["year"], log["part"])).hex(), log["name"])
    for document in file["documents"]:
        parts = [raw(document["scope_id"]), document["kind"].encode(), raw(document["genesis"]), raw(document["name"])]
        same("document id", uuid8(sha256(b"caseplan/doc/1", *parts)).hex(), document["document_id"])


def records():
    file = vectors("records.json")
    root = Ed25519PrivateKey.from_private_bytes(raw(file["root"]["ed25519_seed"]))
    same("root", public(root).hex(), file["root"]["ed25519"])
    domain = uuid8(sha256(b"caseplan/domain/1", public(root)))
    same("domain id", domain.hex(), file["domain_id"])

    def record(kind, described, body):
        same("issuer", uuid8(sha256(public(root))).hex(), described["issuer"])
        bytes_ = cbor2.dumps([
            1, kind, domain, raw(described["log"]), raw(described["issuer"]), described["number"],
            raw(described["previous"]), described["issued_at"], body,
        ])
        same("record", bytes_.hex(), described["bytes"])
        same("record hash", sha256(b"caseplan/record/1", bytes_).hex(), described["hash"])
        same("record signature", root.sign(b"caseplan/record/1" + bytes_).hex(), described["signature"])

    record(1, file["anchor"], cbor2.dumps([public(root), raw(file["recovery"]), domain]))
    signer = device(file["device"])
    certificate = file["certificate"]
    body = cbor2.dumps([
        raw(file["device"]["device_id"]), public(signer), raw(file["device"]["x25519"]), certificate["worker"],
        certificate["roles"], certificate["level"], certificate["not_before"], certificate["not_after"],
        certificate["epoch"],
    ])
    same("certificate", body.hex(), certificate["bytes"])
    same("certificate hash", sha256(body).hex(), certificate["hash"])
    same("chain", certificate["record"]["previous"], file["anchor"]["hash"])
    record(3, certificate["record"], body)
    change = file["change"]
    signed = b"".join([
        b"caseplan/change/1", raw(change["scope_id"]), raw(change["document_id"]), change["kind"].encode(),
        sha256(body), raw(change["hash"]),
    ])
    same("change signature", signer.sign(signed).hex(), change["signature"])


def digests():
    file = vectors("digests.json")
    root = []
    for scope in file["scopes"]:
        documents = []
        for document in scope["documents"]:
            entries = []
            for entry in document["vector"]:
                common = raw(entry["hash"])[:8]
                branches = sorted(raw(branch)[:8] for branch in entry["branches"])
                mark = sha256(common, *branches)[:8] if branches else common
                same("mark", mark.hex(), entry["mark"])
                entries.append(raw(entry["actor"]) + struct.pack(">Q", entry["seq"]) + common + b"".join(branches))
            digest = sha256(raw(document["document_id"]), *sorted(entries))[:16]
            same("digest of a document", digest.hex(), document["digest"])
            documents.append(raw(document["document_id"]) + digest)
        digest = sha256(*sorted(documents))[:16]
        same("digest of a scope", digest.hex(), scope["digest"])
        root.append(raw(scope["scope_id"]) + digest)
    same("root digest", sha256(*sorted(root))[:16].hex(), file["root"])
    bits = (len(file["buckets"]) - 1).bit_length()
    for number, bucket in enumerate(file["buckets"]):
        within = sorted(entry for entry in root if int.from_bytes(entry[:2], "big") >> 16 - bits == number)
        same("digest of a bucket", sha256(*within)[:16].hex(), bucket)


def padded(payload):
    whole = struct.pack(">I", len(payload)) + payload
    return whole + bytes(-len(whole) % 1024)


def framed(message):
    return struct.pack(">H", len(message)) + bytes(message)


def message(kind, body):
    return (len(body) + 1).to_bytes(3, "big") + bytes([kind]) + body


def noise(protocol, prologue, secret, ephemeral=None, remote=None, psk=None, initiator=True):
    connection = NoiseConnection.from_name(protocol.encode())
    if psk:
        connection.set_psks(psk=psk)
    connection.set_prologue(prologue)
    connection.set_as_initiator() if initiator else connection.set_as_responder()
    connection.set_keypair_from_private_bytes(Keypair.STATIC, secret)
    if ephemeral:
        connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
    if remote:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, remote)
    connection.start_handshake()
    return connection


def handshake():
    file = vectors("handshake.json")
    sides = {"initiator": device(file["initiator"]), "responder": device(file["responder"])}

    def side(name):
        return noise(
            file["protocol"], raw(file["prologue"]), raw(file[name]["x25519_secret"]),
            raw(file[f"{name}_ephemeral"]), psk=raw(file["psk"]), initiator=name == "initiator",
        )

    a, b = side("initiator"), side("responder")
    first = a.write_message(padded(cbor2.dumps([file["versions_offered"]])))
    b.read_message(bytes(first))
    second = b.write_message(padded(cbor2.dumps([file["version_chosen"]])))
    a.read_message(bytes(second))
    third = a.write_message(padded(raw(file["proof"])))
    same("proof", b.read_message(bytes(third)), padded(raw(file["proof"])))
    for at, written in enumerate([first, second, third]):
        same(f"handshake message {at + 1}", framed(written).hex(), file["messages"][at])
    hash_ = bytes(a.get_handshake_hash())
    same("handshake hash", hash_.hex(), file["handshake_hash"])
    for purpose in ("hello", "enrol"):
        for number, name in enumerate(("initiator", "responder")):
            signed = f"caseplan/{purpose}/1".encode() + bytes([number]) + hash_
            same(f"{purpose} signature", sides[name].sign(signed).hex(), file["signatures"][purpose][name])

    one = file["padded"]
    plaintext = message(one["type"], raw(one["body"]))
    same("padded frame", framed(a.encrypt(plaintext + bytes(-len(plaintext) % 1024))).hex(), one["frames"])
    one = file["plain"]
    same("plain frame", framed(b.encrypt(message(one["type"], raw(one["body"])))).hex(), one["frames"])
    long = message(file["cut"]["type"], b"\x5a" * 70_000)
    cut = framed(a.encrypt(long[:65519])) + framed(a.encrypt(long[65519:]))
    same("message over two frames", sha256(cut).hex(), file["cut"]["frames_sha256"])
    same("frames before the change of keys", REKEY_AFTER, file["rekeyed"]["frames_before"])
    for _ in range(3, REKEY_AFTER):
        a.encrypt(message(4, b""))
    a.rekey_outbound_cipher()
    one = file["rekeyed"]
    same("frame after the change of keys", framed(a.encrypt(message(one["type"], raw(one["body"])))).hex(), one["frames"])


def hand_over():
    file = vectors("hand_over.json")
    device(file["sender"])
    device(file["recipient"])
    header = cbor2.dumps([1, raw(file["recipient"]["device_id"]), raw(file["sender"]["x25519"])])
    writer = noise(
        file["protocol"], header, raw(file["sender"]["x25519_secret"]), raw(file["sender_ephemeral"]),
        raw(file["recipient"]["x25519"]),
    )
    whole = framed(header) + framed(writer.write_message(cbor2.dumps([file["expires_at"]])))
    same("header and first message", whole.hex(), file["header_and_first_message"])
    content = bytes(at % 251 for at in range(70_000))
    whole += framed(writer.encrypt(b"\x00" + content[:65518])) + framed(writer.encrypt(b"\x01" + content[65518:]))
    same("file length", len(whole), file["file_length"])
    same("file", sha256(whole).hex(), file["file_sha256"])


def enrolment():
    file = vectors("enrolment.json")
    inviter = device(file["inviter"])
    device(file["newcomer"])
    bits = int.from_bytes(sha256(public(inviter))[:10], "big")
    text = "".join(ALPHABET[bits >> 5 * at & 31] for at in reversed(range(16)))
    same("fingerprint", "-".join(text[at:at + 4] for at in range(0, 16, 4)), file["inviter_fingerprint"])
    id_, qr = raw(file["invitation_id"]), file["qr"]
    payload = cbor2.dumps([1, id_, sha256(raw(file["inviter"]["x25519"])), raw(qr["secret"]), qr["expires_at"]])
    same("QR", "CASEPLAN1:" + base64.urlsafe_b64encode(payload).rstrip(b"=").decode(), qr["text"])

    code = file["short_code"]
    ids = {"idA": b"inviter" + id_, "idB": b"newcomer" + id_}
    # The library reads the bytes that it draws as a big-endian number, ours as a little-endian one.
    drawn = {side: raw(code[f"scalar_{side}_is_mod_l_of"])[::-1] for side in "ab"}
    a = SPAKE2_A(code["password"].encode(), entropy_f=lambda _: drawn["a"], **ids)
    b = SPAKE2_B(code["password"].encode(), entropy_f=lambda _: drawn["b"], **ids)
    to_b, to_a = a.start(), b.start()
    same("inviter's first frame", framed(id_ + to_b).hex(), code["inviters_first_frame"])
    same("newcomer's first frame", framed(to_a).hex(), code["newcomers_first_frame"])
    key = a.finish(to_a)
    same("key", key, b.finish(to_b))
    newcomer = noise(
        "Noise_XXpsk0_25519_ChaChaPoly_SHA256", b"caseplan/sync", raw(file["newcomer"]["x25519_secret"]),
        raw(code["newcomer_ephemeral"]), psk=key,
    )
    first = newcomer.write_message(padded(cbor2.dumps([[1]])))
    same("newcomer's second frame", framed(first).hex(), code["newcomers_second_frame"])


for check in (names, records, digests, handshake, hand_over, enrolment):
    check()
print(f"{checked} values recomputed")
