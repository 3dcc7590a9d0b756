// A filter: see filter.mjs for who calls it. In TypeScript the same, with `import type` of these types.

/** @param {import('@tulle/proxy-core').FilterRequest} request */
export function onRequest(request) {
  if (request.path === '/private') request.answer(404, 'not found\n');
  else request.setHeader('x-tenant', request.authority.split('.')[0]);
}

/** @param {import('@tulle/proxy-core').FilterResponse} response */
export function onResponse(response) {
  response.addHeader('x-served-by', 'the example');
}
