// GitHub's own workflow parser as a command: prints `file:line:column: message` for each error it finds in the
// workflow files that are named, and exits with 1 if there was one. Reusable workflows that they call are read too.
import {
  convertWorkflowTemplate,
  NoOperationTraceWriter,
  parseWorkflow,
} from "@actions/workflow-parser";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

// The parser does not export the names of its policies; this is the one that goes on after an error.
const tryConversion = 1;

const provider = {
  async getFileContent(reference) {
    const name = resolve(process.cwd(), reference.path);
    return { name, content: readFileSync(name, "utf8") };
  },
};

async function main() {
  const said = new Set();
  for (const name of process.argv.slice(2)) {
    const file = { name, content: readFileSync(name, "utf8") };
    const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
    if (value) {
      const options = { fetchReusableWorkflowDepth: 4, errorPolicy: tryConversion };
      const converted = await convertWorkflowTemplate(context, value, provider, options);
      for (const error of converted.errors ?? []) said.add(`${name}: ${error.Message}`);
    }
    for (const error of context.errors.getErrors()) {
      const start = error.range?.start;
      said.add(`${name}:${start?.line ?? 0}:${start?.column ?? 0}: ${error.rawMessage}`);
    }
  }
  for (const line of said) console.log(line);
  process.exit(said.size > 0 ? 1 : 0);
}

main();
