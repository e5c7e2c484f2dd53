// Everyone with an account: their role, how they sign in; adding and removing.
import { useState } from 'preact/hooks';
import type { Person, PersonRequest, Role } from '../../../src/core/annotation/people.ts';
import type { Me } from '../../../src/core/annotationApi.ts';
import { CopyField } from '../frame/copyField.tsx';
import { Dialog } from '../frame/dialog.tsx';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { useStrings } from '../frame/texts.ts';
import { useFormats } from '../lead/leadTexts.ts';
import { Table } from '../lead/table.tsx';
import { adminApi } from './adminApi.ts';
import { useAdminStrings } from './adminTexts.ts';

interface PeopleProps {
  me: Me;
  onSessionEnded(): void;
}

export function People({ me, onSessionEnded }: PeopleProps) {
  const strings = useAdminStrings();
  const common = useStrings();
  const { time } = useFormats();
  const loaded = useLoaded(adminApi.people, 'people', onSessionEnded);
  const [leaving, setLeaving] = useState<Person | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const carryOut = (work: Promise<unknown>) => {
    setProblem(null);
    work.then(loaded.reload, (error: Error) => {
      setProblem(error.message);
      loaded.reload();
    });
  };
  const roleCell = (person: Person) =>
    person.id === me.annotator.id ? (
      `${strings.roles[person.role]} (${strings.you})`
    ) : (
      <select
        aria-label={strings.roleOf(person.name)}
        value={person.role}
        onChange={(event) => carryOut(adminApi.setRole(person.id, event.currentTarget.value as Role))}
      >
        {Object.entries(strings.roles).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    );
  return (
    <>
      <h1>{strings.people}</h1>
      <p role="alert" class="problem">
        {problem === null ? '' : common.failed(problem)}
      </p>
      <WhenLoaded loaded={loaded}>
        {({ people }) => (
          <Table
            name={strings.people}
            head={[strings.name, strings.role, strings.signsIn, strings.since, strings.remove]}
            rows={people.map((person) => [
              <>
                {person.name}
                <small>
                  {person.id}
                  {person.simulated && ` · ${strings.simulated}`}
                </small>
              </>,
              roleCell(person),
              person.hasPassword ? strings.byPassword : strings.byToken,
              time(person.createdAt),
              person.id === me.annotator.id ? null : (
                <button
                  key="remove"
                  type="button"
                  aria-label={strings.removeOf(person.name)}
                  onClick={() => setLeaving(person)}
                >
                  {strings.remove}
                </button>
              ),
            ])}
          />
        )}
      </WhenLoaded>
      <AddForm onAdded={loaded.reload} />
      {leaving !== null && (
        <Dialog title={strings.removeTitle(leaving.name)} onClose={() => setLeaving(null)}>
          <p>{strings.removeText}</p>
          <div class="row end">
            <button type="button" onClick={() => setLeaving(null)}>
              {common.cancel}
            </button>
            <button
              type="button"
              class="primary"
              onClick={() => {
                carryOut(adminApi.remove(leaving.id));
                setLeaving(null);
              }}
            >
              {strings.remove}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function AddForm({ onAdded }: { onAdded(): void }) {
  const strings = useAdminStrings();
  const common = useStrings();
  const [name, setName] = useState('');
  const [id, setId] = useState('');
  const [role, setRole] = useState<Role>('annotator');
  const [added, setAdded] = useState<{ name: string; link: string } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async () => {
    setProblem(null);
    try {
      const request = { id: id.trim(), name: name.trim(), role } as PersonRequest;
      const { person, token } = await adminApi.add(request);
      setAdded({ name: person.name, link: `${window.location.origin}/#token=${token}` });
      setName('');
      setId('');
      onAdded();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : '');
    }
  };
  return (
    <form
      class="form"
      aria-labelledby="add"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2 id="add">{strings.addTitle}</h2>
      <p class="muted">{strings.addHint}</p>
      <div class="pair">
        <label>
          <span>{strings.name}</span>
          <input
            type="text"
            required
            maxLength={100}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>{strings.id}</span>
          <input
            type="text"
            required
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
            value={id}
            onInput={(event) => setId(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>{strings.role}</span>
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {Object.entries(strings.roles).map(([known, text]) => (
              <option key={known} value={known}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      <button type="submit" class="primary">
        {strings.add}
      </button>
      <div role="status">
        {added !== null && (
          <>
            <p>
              {strings.tokenTitle(added.name)}. {strings.tokenHint}
            </p>
            <CopyField label={strings.tokenTitle(added.name)} value={added.link} />
          </>
        )}
        {problem !== null && <p class="problem">{common.failed(problem)}</p>}
      </div>
    </form>
  );
}
