// The build and the test runner put package.json's version here.
declare const PACKAGE_VERSION: string

export const NAME = 'metronome-customers-mcp'
export const VERSION = PACKAGE_VERSION
export const HOMEPAGE = 'https://github.com/metronome-customers-mcp/metronome-customers-mcp'
