/** What a webhook's secret is sealed for: it opens for no other webhook. */
export function sealPurposeOf(webhookId: string): string {
  return `webhook ${webhookId}`;
}
