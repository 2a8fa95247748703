#!/usr/bin/env node
// A script and no module, which Node starts sooner: see package.json beside it.
require('../dist/start.cjs')
