/** What the API suites run on. */
import type { TestServer, TestServerOptions } from './test-server.ts';

export interface Suite {
  /** A server of its own for a test, on the shared store. */
  server(options?: Omit<TestServerOptions, 'store' | 'recorder'>): TestServer;
}
