// The types, as `tsc --noEmit` judges them, and in the same pass what biome can't see without overloads: a promise that
// nobody awaits, such as a lone `pool.query(...)`. Its failure would be lost, or would end the process.

import { dirname } from 'node:path';
import ts from 'typescript';
import type { Finding } from './finding.ts';

/** What runs in Node, and what runs in a browser. */
const PROJECTS = ['tsconfig.json', 'console/tsconfig.json'];

/** Type errors and floating promises of everything that the projects include. */
export function checkTypes(): Finding[] {
  return PROJECTS.flatMap(checkProject);
}

function checkProject(project: string): Finding[] {
  const { config } = ts.readConfigFile(project, ts.sys.readFile);
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(project));
  const program = ts.createProgram(fileNames, options);
  const own = program.getSourceFiles().filter((file) => !file.isDeclarationFile && fileNames.includes(file.fileName));
  const checker = program.getTypeChecker();
  return [
    ...[...errors, ...ts.getPreEmitDiagnostics(program)].map(describe),
    ...own.flatMap((file) => floatingPromises(file, checker)),
  ];
}

function describe({ file, start, messageText }: ts.Diagnostic): Finding {
  return {
    ...(file ? placeOf(file, start ?? 0) : { file: 'tsconfig.json' }),
    problem: ts.flattenDiagnosticMessageText(messageText, '\n'),
    remedy: 'correct the types; a cast hides the mistake from the next reader too',
  };
}

function placeOf(file: ts.SourceFile, position: number): { file: string; line: number } {
  const name = file.fileName.replace(`${ts.sys.getCurrentDirectory()}/`, '');
  return { file: name, line: file.getLineAndCharacterOfPosition(position).line + 1 };
}

function floatingPromises(file: ts.SourceFile, checker: ts.TypeChecker): Finding[] {
  const findings: Finding[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && floats(node.expression, checker)) {
      findings.push({
        ...placeOf(file, node.getStart(file)),
        problem: 'a promise that nobody awaits',
        remedy: 'await it, give it a .catch, or write void before it where its failure is of no interest',
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return findings;
}

function floats(expression: ts.Expression, checker: ts.TypeChecker): boolean {
  if (ts.isAwaitExpression(expression) || ts.isVoidExpression(expression)) return false;
  // What is assigned is somebody else's to await.
  if (ts.isBinaryExpression(expression)) {
    const assigns = expression.operatorToken.kind >= ts.SyntaxKind.FirstAssignment;
    return (
      !(assigns && expression.operatorToken.kind <= ts.SyntaxKind.LastAssignment) && floats(expression.right, checker)
    );
  }
  if (ts.isConditionalExpression(expression))
    return floats(expression.whenTrue, checker) || floats(expression.whenFalse, checker);
  return isPromise(checker.getTypeAtLocation(expression), expression, checker) && !isHandled(expression, checker);
}

function isPromise(type: ts.Type, at: ts.Node, checker: ts.TypeChecker): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) => {
    const then = part.getProperty('then');
    return then !== undefined && checker.getTypeOfSymbolAtLocation(then, at).getCallSignatures().length > 0;
  });
}

/** `.catch(handler)`, `.then(use, handler)`, and `.finally(...)` of what is handled already. */
function isHandled(expression: ts.Expression, checker: ts.TypeChecker): boolean {
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return false;
  const { name, expression: before } = expression.expression;
  if (name.text === 'catch') return expression.arguments.length > 0;
  if (name.text === 'then') return expression.arguments.length > 1;
  return name.text === 'finally' && isHandled(before, checker);
}
