import * as z from 'zod'
import { escapeInvisible } from '../sanitize.ts'
import { foldText } from './fold-text.ts'
import { sameId, text } from './input-fields.ts'
import { asObject, type JsonObject } from './json.ts'
import type { Matcher, Scope, Search } from './operation.ts'

// The longest text that is searched is the value of a custom field, with 200 characters.
const MAX_SEARCH_CHARACTERS = 200
const MAX_SHOWN_CHARACTERS = 80

export const searchText = text(1, MAX_SEARCH_CHARACTERS).refine(
  (value) => foldText(value) !== '',
  'must have a character that is not white space, an accent or invisible',
)

/** What a customer may lack, and how its record shows it. */
const FIELDS = {
  ingest_aliases: ({ ingest_aliases }: JsonObject) => ingest_aliases,
  salesforce_account_id: ({ customer_config }: JsonObject) => asObject(customer_config).salesforce_account_id,
  custom_fields: ({ custom_fields }: JsonObject) => custom_fields,
}

const fieldNames = Object.keys(FIELDS) as (keyof typeof FIELDS)[] // the keys of this very object

export const missingFields = z.array(z.enum(fieldNames)).min(1).max(fieldNames.length)

interface SearchArguments {
  readonly search?: string | undefined
  readonly missing?: z.output<typeof missingFields> | undefined
  readonly only_archived?: boolean | undefined
  readonly ingest_alias?: string | undefined
  readonly customer_ids?: readonly string[] | undefined
  readonly salesforce_account_ids?: readonly string[] | undefined
}

export const customerSearch = {
  arguments: ['search', 'missing'],
  createMatcher({ search, missing = [] }: SearchArguments): Matcher {
    const findText = search === undefined ? () => ({}) : createTextMatcher(foldText(search))
    return (record) => (missing.every((field) => isEmpty(FIELDS[field](record))) ? findText(record) : undefined)
  },
  describeScope,
} as const satisfies Search<SearchArguments>

/** Absent, null, and without content. */
function isEmpty(value: unknown): boolean {
  return (value ?? '') === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)
}

function createTextMatcher(folded: string): Matcher {
  const isFound = (value: unknown): boolean => typeof value === 'string' && foldText(value).includes(folded)
  return (record) => {
    if (isFound(record.name)) return {}
    const place = findPlace(record, isFound)
    return place === undefined ? undefined : { place: `${quoteName(record)} (${place})` }
  }
}

/** Where else than in the name a customer has the text. */
function findPlace(record: JsonObject, isFound: (value: unknown) => boolean): string | undefined {
  const { id, external_id, ingest_aliases, custom_fields } = record
  const aliases: unknown[] = Array.isArray(ingest_aliases) ? ingest_aliases : []
  if (aliases.some(isFound)) return 'ingest alias'
  // Without aliases it is the id of the customer, and with aliases mostly the first one.
  if (external_id !== aliases[0] && !sameId(external_id, id) && isFound(external_id)) return 'external id'
  if (isFound(FIELDS.salesforce_account_id(record))) return 'Salesforce account id'
  const field = Object.entries(asObject(custom_fields)).find(([, value]) => isFound(value))
  return field && `custom field ${quote(field[0])}`
}

function quoteName({ id, name }: JsonObject): string {
  return quote(String(name ?? id))
}

function quote(value: string): string {
  const characters = Array.from(value)
  const shown =
    characters.length > MAX_SHOWN_CHARACTERS ? [...characters.slice(0, MAX_SHOWN_CHARACTERS), '…'] : characters
  return escapeInvisible(JSON.stringify(shown.join('')))
}

function describeScope({ only_archived, ingest_alias, customer_ids, salesforce_account_ids }: SearchArguments): Scope {
  const isFiltered = [ingest_alias, customer_ids, salesforce_account_ids].some((filter) => !isEmpty(filter))
  const filter = isFiltered ? ' that the filter lets through' : ''
  return only_archived
    ? {
        records: `archived customers${filter}`,
        isFiltered,
        excluded: 'Active customers were not searched: leave only_archived out.',
      }
    : {
        records: `active customers${filter}`,
        isFiltered,
        excluded: 'Archived customers were not searched: use only_archived true.',
      }
}
