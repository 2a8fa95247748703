// The build and the test runner put package.json's version here.
declare const PACKAGE_VERSION: string

export const NAME = 'metronome-customers-mcp'
export const VERSION = PACKAGE_VERSION
