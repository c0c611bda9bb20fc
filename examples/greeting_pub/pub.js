'use strict'

// The pub with one plugin more. What guards an identity stays the pub's own: plain.js, lib/ and the lockfile are links to it.
const butt = require('./lib/butt')
const { greeting } = require('./greeting')

const { buttPlugin } = butt
butt.buttPlugin = (parts) => [greeting, buttPlugin(parts)]

require('./plain')
