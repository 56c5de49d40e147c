/** What a NAL unit holds, by the type in its header. Sources: ITU-T H.264 table 7-1, H.265 table 7-1; those that RTP alone has: RFC 6184 §5.2, RFC 7798 §4.4. */

export const H264Nal = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, aud: 9, endOfSequence: 10, endOfStream: 11, filler: 12, stapA: 24, fuA: 28 } as const;

/** Slices are 0 to 31; what random access can begin with is 16 to 21. */
export const HevcNal = { firstIrap: 16, lastIrap: 21, lastSlice: 31, vps: 32, sps: 33, pps: 34, aud: 35, filler: 38, aggregate: 48, fragment: 49 } as const;
