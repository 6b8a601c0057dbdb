// Runs before `npm start` and `npm test` and needs nothing but Node: installs what the lock file says when it isn't
// there yet, and shows that something happens meanwhile.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const NODE_MIN = [20, 19];
const PROGRESS_EVERY_MS = 2_000;
const root = new URL('../', import.meta.url);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  console.error(`TEM needs Node ${NODE_MIN.join('.')} or later; this is ${process.versions.node}`);
  process.exit(2);
}
// With NODE_ENV=production npm leaves out what only the tests need.
const needsDevelopment = process.env.npm_lifecycle_event === 'pretest';
if (!isInstalled()) await install();

/** Whether npm's record of what it installed holds every package that the lock file wants on this machine. */
function isInstalled() {
  const wanted = readPackages('package-lock.json');
  const installed = readPackages('node_modules/.package-lock.json');
  if (!installed) return false;
  return Object.entries(wanted).every(([path, { version, dev, devOptional, optional, link }]) => {
    const needless = (optional || devOptional || (dev && !needsDevelopment)) && !installed[path];
    return path === '' || link || needless || installed[path]?.version === version;
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, root), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function install() {
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.error(`Installing packages: ${seconds} s, waiting for npm ci`);
  }, PROGRESS_EVERY_MS);
  return new Promise((resolve) => {
    // With a shell, because npm is a script with another name on Windows.
    const npm = spawn(`npm ci --no-audit --no-fund${needsDevelopment ? ' --include=dev' : ''}`, {
      cwd: root,
      shell: true,
      stdio: 'inherit',
    });
    npm.once('exit', (code) => {
      clearInterval(timer);
      if (code !== 0) process.exit(code ?? 1);
      resolve();
    });
  });
}
