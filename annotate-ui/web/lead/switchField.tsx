// A group of fields behind a switch: the fields are there while it is on.
import type { ComponentChildren } from 'preact';

interface SwitchFieldProps {
  title: string;
  label: string;
  isOn: boolean;
  onSwitch(isOn: boolean): void;
  children: ComponentChildren;
}

export function SwitchField({ title, label, isOn, onSwitch, children }: SwitchFieldProps) {
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      <label class="option">
        <input type="checkbox" checked={isOn} onChange={(event) => onSwitch(event.currentTarget.checked)} />
        <span>{label}</span>
      </label>
      {isOn && children}
    </fieldset>
  );
}
