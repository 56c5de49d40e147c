/** A field for the address of another server: as it is typed, whatever keyboards think of it. */
import { TextInput } from '@mantine/core';
import { MAX_ADDRESS_LENGTH } from '@millrace/contract/limits';
import type { ComponentProps } from 'react';

export function AddressInput(props: ComponentProps<typeof TextInput>) {
  return <TextInput maxLength={MAX_ADDRESS_LENGTH} autoComplete="off" autoCapitalize="off" spellCheck={false} inputMode="url" {...props} />;
}
