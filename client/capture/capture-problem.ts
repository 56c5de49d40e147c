/** Why there is no camera, screen or microphone, so that a page can say what to do. */

/**
 * insecure: browsers give cameras to secure pages only · refused: the person or the system said no · in-use: another program holds it ·
 * none: there is no such device · unsupported: this browser cannot capture · unknown.
 */
export type CaptureProblem = 'insecure' | 'refused' | 'in-use' | 'none' | 'unsupported' | 'unknown';

/** @param error what getUserMedia or getDisplayMedia threw. */
export function captureProblemOf(error: unknown): CaptureProblem {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'refused';
    case 'NotReadableError':
    case 'AbortError':
      return 'in-use';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    case 'NotSupportedError':
    case 'TypeError':
      return 'unsupported';
    default:
      return 'unknown';
  }
}
