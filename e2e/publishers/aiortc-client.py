"""A WHIP publisher or WHEP viewer by aiortc, which shares no code with browsers or with the server. Prints one JSON line."""
import argparse
import asyncio
import json
import math
import struct
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.rtcrtpsender import RTCRtpSender


def post(url, token, sdp):
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=sdp.encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


class Tone(AudioStreamTrack):
    """440 Hz at half the full scale, where the parent is silent."""

    async def recv(self):
        frame = await super().recv()
        first = frame.pts
        samples = (int(16384 * math.sin(2 * math.pi * 440 * n / frame.sample_rate)) for n in range(first, first + frame.samples))
        frame.planes[0].update(struct.pack("<%dh" % frame.samples, *samples))
        return frame


def loudest(frame):
    """Of full scale."""
    data = bytes(frame.planes[0])
    return max(map(abs, struct.unpack("<%dh" % (len(data) // 2), data))) / 32768


async def negotiate(connection, url, token):
    await connection.setLocalDescription(await connection.createOffer())
    answer = await asyncio.to_thread(post, url, token, connection.localDescription.sdp)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))


async def publish(url, token, codec, seconds):
    connection = RTCPeerConnection()
    connection.addTransceiver(Tone(), direction="sendonly")
    video = connection.addTransceiver(VideoStreamTrack(), direction="sendonly")
    codecs = RTCRtpSender.getCapabilities("video").codecs
    video.setCodecPreferences([one for one in codecs if one.mimeType.lower() == "video/" + codec.lower()])
    await negotiate(connection, url, token)
    print(json.dumps({"state": "published"}), flush=True)
    await asyncio.sleep(seconds)
    await connection.close()


async def play(url, frames):
    connection = RTCPeerConnection()
    connection.addTransceiver("video", direction="recvonly")
    connection.addTransceiver("audio", direction="recvonly")
    tracks = {}
    connection.on("track", lambda track: tracks.__setitem__(track.kind, track))
    await negotiate(connection, url, None)
    size = None
    for _ in range(frames):
        frame = await tracks["video"].recv()
        size = [frame.width, frame.height]
    rate, level = None, 0
    for _ in range(frames if "audio" in tracks else 0):
        sound = await tracks["audio"].recv()
        rate, level = sound.sample_rate, max(level, loudest(sound))
    print(json.dumps({"frames": frames, "size": size, "rate": rate, "level": level}), flush=True)
    await connection.close()


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["publish", "play"])
parser.add_argument("url")
parser.add_argument("--token")
parser.add_argument("--codec", default="H264")
parser.add_argument("--frames", type=int, default=30)
parser.add_argument("--seconds", type=float, default=60)
options = parser.parse_args()
if options.role == "publish":
    asyncio.run(publish(options.url, options.token, options.codec, options.seconds))
else:
    asyncio.run(asyncio.wait_for(play(options.url, options.frames), options.seconds))
