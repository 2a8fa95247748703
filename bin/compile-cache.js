import module from 'node:module'
import { join } from 'node:path'

// A directory of the user's own, since cached code is executed. Node 20 has no compile cache.
const { LOCALAPPDATA, XDG_CACHE_HOME, HOME } = process.env
const caches = LOCALAPPDATA || XDG_CACHE_HOME || (HOME && join(HOME, '.cache'))
if (caches) module.enableCompileCache?.(join(caches, 'metronome-customers-mcp'))
