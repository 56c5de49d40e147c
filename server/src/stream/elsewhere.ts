/** The question outputs ask when there is nothing of a stream here; the product answers. */
export interface Elsewhere {
  /** Whether another server has its broadcast, and viewers may see it there. Does not reject. */
  isLive(streamId: string): Promise<boolean>;
}
