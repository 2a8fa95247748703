// How a failed request is answered: JSON-RPC's code, and the status over HTTP.
export const INVALID_REQUEST = { code: -32600, httpStatus: 400 }
export const METHOD_NOT_FOUND = { code: -32601, httpStatus: 404 }
export const INVALID_META = { code: -32602, httpStatus: 400 }
// The same code as above, but the method's own answer and not the transport's.
export const INVALID_PARAMS = { code: -32602, httpStatus: 200 }
export const INTERNAL_ERROR = { code: -32603, httpStatus: 500 }
export const HEADER_MISMATCH = { code: -32020, httpStatus: 400 }
export const UNSUPPORTED_VERSION = { code: -32022, httpStatus: 400 }
/** nginx's "client closed request": there is nobody left to read an answer. */
export const CANCELLED_STATUS = 499
