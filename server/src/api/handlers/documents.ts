/** The calls that serve the contract itself. */
import asyncApi from '@millrace/contract/asyncapi.json' with { type: 'json' };
import { ERROR_CODES, ERRORS, type ErrorCode } from '@millrace/contract/errors';
import openApi from '@millrace/contract/openapi.json' with { type: 'json' };
import type * as routes from '@millrace/contract/rest/documents';
import type { Handler } from '../mount.ts';

export interface DocumentHandlers {
  readonly getOpenApi: Handler<typeof routes.getOpenApi>;
  readonly getAsyncApi: Handler<typeof routes.getAsyncApi>;
  readonly listErrors: Handler<typeof routes.listErrors>;
  readonly getError: Handler<typeof routes.getError>;
}

export const documentHandlers: DocumentHandlers = {
  getOpenApi: () => openApi,
  getAsyncApi: () => asyncApi,
  listErrors: () => ({ items: ERROR_CODES.map(describe) }),
  getError: ({ params }) => describe(params.code),
};

function describe(code: ErrorCode) {
  return { code, ...ERRORS[code] };
}
