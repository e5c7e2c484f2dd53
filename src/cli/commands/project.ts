// fourfold project: what annotators are asked about a candidate set.
import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

const settings = {
  title: z.string().min(1).optional().describe('Title that annotators see'),
  guidelines: z.string().min(1).optional().describe('Markdown file of the guidelines'),
  overlap: z.int().min(0).max(100).optional().describe('Annotators who label each item; 0: everyone may label all'),
  leaseMinutes: z.number().gt(0).optional().describe('How long an item waits for the annotator who has it'),
  settings: z.string().min(1).optional().describe('JSON file of any settings (see docs/formats.md); flags go first'),
};
const Settings = z.strictObject(settings);
type Settings = z.infer<typeof Settings>;

const id = z.string().min(1).describe('Id of the project');

/** What the flags and the settings file say, as a change of a project. */
async function changeOf(given: Settings, path: (given: string) => string) {
  const [{ readTextFile, parseJson, parseWith }, { ProjectChange }] = await Promise.all([
    import('../../core/jsonl.ts'),
    import('../../core/annotation/project.ts'),
  ]);
  const file = given.settings === undefined ? null : path(given.settings);
  const fromFile = file === null ? {} : parseWith(ProjectChange, parseJson(await readTextFile(file), file), file);
  return {
    ...fromFile,
    ...(given.title === undefined ? {} : { title: given.title }),
    ...(given.guidelines === undefined ? {} : { guidelines: await readTextFile(path(given.guidelines)) }),
    ...(given.overlap === undefined ? {} : { overlap: given.overlap === 0 ? null : given.overlap }),
    ...(given.leaseMinutes === undefined ? {} : { leaseMinutes: given.leaseMinutes }),
  };
}

const labeling = () =>
  Promise.all([
    import('../../../annotate-ui/server/labeling/labelingSet.ts'),
    import('../../../annotate-ui/server/labeling/projectChange.ts'),
  ]);

const create = defineCommand({
  name: 'project create',
  describe: 'Make a labeling project for a candidate set',
  config: z.strictObject({
    candidateSet: z.string().min(1).nullable().default(null).describe('Candidate set to label (default: the newest)'),
    ...settings,
  }),
  example: 'fourfold project create --overlap 3 --guidelines guidelines.md',
  async run({ config, workspace: open, path, json, print, note }) {
    const [{ chooseCandidateSet, loadLabelingSet }, { changedProject, settingsOf }] = await labeling();
    const [{ defaultProject }, { FourfoldError }] = await Promise.all([
      import('../../core/annotation/defaultProject.ts'),
      import('../../core/errors.ts'),
    ]);
    const workspace = await open();
    const set = await loadLabelingSet(workspace, chooseCandidateSet(workspace, config.candidateSet));
    const { candidateSet: _, ...given } = config;
    const project = changedProject(defaultProject(set.id), await changeOf(given, path), set.byId);
    if (workspace.projects.get(project.id) !== null) {
      throw new FourfoldError(
        'conflict',
        `${project.id} is there already. Change it with: fourfold project set ${project.id}.`,
      );
    }
    workspace.projects.save(project);
    print(json ? JSON.stringify(settingsOf(project)) : `Made ${project.id} for ${set.id}.`);
    note('Next: fourfold serve.');
  },
});

const set = defineCommand({
  name: 'project set',
  describe: 'Change a project; a server that runs takes it on when it is started again',
  config: z.strictObject({ id, ...settings }),
  positionals: ['id'],
  async run({ config, workspace: open, path, json, print }) {
    const [{ loadLabelingSet }, { changedProject, settingsOf }] = await labeling();
    const workspace = await open();
    const { id: projectId, ...given } = config;
    const project = workspace.projects.require(projectId);
    const { byId } = await loadLabelingSet(workspace, project.candidateSetId);
    const changed = changedProject(project, await changeOf(given, path), byId);
    workspace.projects.save(changed);
    print(json ? JSON.stringify(settingsOf(changed)) : `Changed ${changed.id}.`);
  },
});

const show = defineCommand({
  name: 'project show',
  describe: 'Show the settings of a project',
  config: z.strictObject({ id }),
  positionals: ['id'],
  async run({ config, workspace: open, json, print }) {
    const [, { settingsOf }] = await labeling();
    const project = (await open()).projects.require(config.id);
    print(JSON.stringify(settingsOf(project), null, json ? 0 : 2));
  },
});

const list = defineCommand({
  name: 'project list',
  describe: 'List the projects',
  config: z.strictObject({}),
  async run({ workspace: open, json, print, note }) {
    const projects = (await open()).projects.list();
    if (json)
      return print(
        JSON.stringify(projects.map((project) => ({ id: project.id, candidateSetId: project.candidateSetId }))),
      );
    if (projects.length === 0) return note('No project yet. Make one: fourfold project create');
    const rows = projects.map((one) => [one.id, one.candidateSetId, one.title, String(one.overlap ?? 'everyone')]);
    print(tableText(['id', 'candidate set', 'title', 'overlap'], rows));
  },
});

export const commands = [create, set, show, list];
