import * as z from 'zod'

export type JsonObject = Record<string, unknown>

/** The value when it is a plain JSON object, otherwise an empty one. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

/** The value of a field of its own: a custom field may be called `constructor`. */
export function readOwn(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** The objects of a JSON array; an empty array for anything else. */
export function asObjects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Metronome responds 200 without a body; callers receive `{"success": true}`. */
export const noContent = z.looseObject({})

/** A type of zod; `undefined` where a value has none, as in an open object. */
export type Schema = z.core.$ZodType | undefined

/** The type itself, without what makes it optional or nullable. */
export function plainType(schema: Schema): Schema {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? plainType(schema.unwrap()) : schema
}

export const isOptional = (schema: Schema): boolean => schema instanceof z.ZodOptional

export function isNullable(schema: Schema): boolean {
  return schema instanceof z.ZodNullable || (schema instanceof z.ZodOptional && isNullable(schema.unwrap()))
}

/** The type of a field or an item. */
export function childSchema(schema: Schema, key: PropertyKey): Schema {
  const type = plainType(schema)
  if (type instanceof z.ZodArray) return type.element
  if (type instanceof z.ZodRecord) return type.valueType
  return type instanceof z.ZodObject && Object.hasOwn(type.shape, key) ? type.shape[String(key)] : undefined
}

const NAME_OR_INDEX = /^\.([^.[\]]+)|^\[(0|[1-9]\d{0,5})\]/

/** The fields and indexes of a path such as `ingest_aliases[3]` or `data[0].customer_id`; `undefined` where no value has a place. */
export function parseFieldPath(text: string, root: Schema): (string | number)[] | undefined {
  const path: (string | number)[] = []
  let schema = root
  for (let rest = `.${text}`; rest !== ''; ) {
    const type = plainType(schema)
    // The keys of these are free, and their values have no fields.
    if (type instanceof z.ZodRecord && plainType(childSchema(type, '')) instanceof z.ZodString)
      return /^\../s.test(rest) ? [...path, rest.slice(1)] : undefined
    const [part, name, index] = NAME_OR_INDEX.exec(rest) ?? []
    const key = name ?? Number(index)
    if (part === undefined || !hasPlace(type, key)) return undefined
    path.push(key)
    schema = childSchema(type, key)
    rest = rest.slice(part.length)
  }
  return path
}

/** Open objects take any field. */
function hasPlace(type: Schema, key: string | number): boolean {
  if (type === undefined || type instanceof z.ZodUnknown || type instanceof z.ZodRecord) return true
  if (typeof key === 'number') return type instanceof z.ZodArray
  if (!(type instanceof z.ZodObject)) return false
  return Object.hasOwn(type.shape, key) || type.def.catchall instanceof z.ZodUnknown
}

// No sign +, no leading zeros, no exponent: other spellings may mean something else, such as an id.
const INTEGER = /^-?(0|[1-9]\d*)$/
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/

/**
 * The number or boolean that a text can only mean where one belongs: plain digits, or true and false in any case. Any
 * other text stays as it is, and so does one of more digits than JavaScript can represent.
 */
export function readText(text: string, schema: Schema): unknown {
  const type = plainType(schema)
  if (type instanceof z.ZodBoolean && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (!(type instanceof z.ZodNumber)) return text
  return (type.isInt ? INTEGER : DECIMAL).test(text) && isExact(text) ? Number(text) : text
}

/** Delimiters of JSON before a number that JavaScript may not represent exactly: many digits, or an exponent. */
const MAYBE_INEXACT = /[:[,]\s*-?(?:\d[\d.]{15,}|[\d.]+[eE])/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Replaces the numbers of a JSON text that JavaScript would alter; `field` is the string before the number, in quotation
 * marks. Most texts have none and are returned as they are.
 */
export function replaceInexactNumbers(text: string, replace: (digits: string, field: string) => string): string {
  if (!MAYBE_INEXACT.test(text)) return text
  let field = ''
  return text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"')) {
      field = token
      return token
    }
    return isExact(token) ? token : replace(token, field)
  })
}

/** Parses JSON; a number that JavaScript would alter becomes Infinity, as 1e400 does, which no argument may be. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(replaceInexactNumbers(text, () => '1e999'))
}

/** The value of a JSON text; `undefined` for any other text. */
export function tryParse(text: string, parse: (text: string) => unknown = JSON.parse): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

/** No call may have more values, so that none can exhaust memory or block the process. */
export const MAX_VALUES = 20_000
const BYTES_PER_VALUE = 128
const [COMMA, LIST, OBJECT, BACKSLASH] = Buffer.from(',[{\\')
/** The first byte of characters beyond Latin-1 in UTF-8 is no less. */
const WIDE = 0xc4

/**
 * The bytes that a call takes whose JSON this is: its length, twice that with characters beyond Latin-1, since V8 keeps
 * two bytes for each character of such a text, or what many values in few bytes take, such as `[{},{}]`.
 */
export function weighJson(json: Uint8Array): number {
  let values = 1
  let width = 1
  // A for-of loop takes six times as long.
  for (let index = 0; index < json.length; index++) {
    const byte = json[index] ?? 0
    if (byte === COMMA || byte === LIST || byte === OBJECT) values += 1
    else if (byte >= WIDE || byte === BACKSLASH) width = 2
  }
  // With more of them it is rejected before it can wait.
  return Math.max(json.length * width, Math.min(values, MAX_VALUES) * BYTES_PER_VALUE)
}

/** Whether a number of JSON has the same value after it was parsed and written again. */
function isExact(token: string): boolean {
  const written = String(Number(token))
  return written === token || toScientific(written) === toScientific(token)
}

/** Significant digits and exponent, in one form for equal values. */
function toScientific(number: string): string {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? []
  const digits = (integer + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
