/** What is set seldom: quality, which camera and microphone, the screen instead of the camera, torch and zoom. */
import { Button, Modal, NativeSelect } from '@mantine/core';
import type { Capture, CaptureSnapshot } from '@millrace/client/capture/capture';
import { type PublishQuality, QUALITIES } from '@millrace/client/publish/limits';
import { useId } from 'react';
import { t } from '../../text/text.ts';
import classes from './device-menu.module.css';
import { LevelMeter } from './level-meter.tsx';

export interface DeviceMenuProps {
  readonly capture: Capture;
  readonly snapshot: CaptureSnapshot;
  readonly quality: PublishQuality;
  readonly chooseQuality: (quality: PublishQuality) => void;
  readonly close: () => void;
}

export function DeviceMenu({ capture, snapshot, quality, chooseQuality, close }: DeviceMenuProps) {
  const { source, cameras, microphones, cameraId, microphoneId, controls, torch } = snapshot;
  const canShareScreen = 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
  const qualities = QUALITIES.map((value) => ({ value, label: value === 'auto' ? t('device.quality.auto') : value }));
  return (
    <Modal opened onClose={close} title={t('device.more')} size={420} closeButtonProps={{ 'aria-label': t('app.close') }}>
      <div className={classes.menu}>
        <NativeSelect
          label={t('watch.quality')}
          description={t('device.quality.text')}
          data={qualities}
          value={quality}
          onChange={({ currentTarget }) => {
            const chosen = QUALITIES.find((value) => value === currentTarget.value);
            if (chosen) chooseQuality(chosen);
          }}
        />
        {source === 'camera' && cameras.length > 1 && (
          <NativeSelect
            label={t('device.camera')}
            data={cameras.map(({ deviceId, label }, index) => ({ value: deviceId, label: label || t('device.camera.number', { count: index + 1 }) }))}
            value={cameraId ?? ''}
            onChange={({ currentTarget }) => void capture.chooseCamera(currentTarget.value)}
          />
        )}
        {microphones.length > 1 && (
          <NativeSelect
            label={t('device.microphone')}
            data={microphones.map(({ deviceId, label }, index) => ({ value: deviceId, label: label || t('device.microphone.number', { count: index + 1 }) }))}
            value={microphoneId ?? ''}
            onChange={({ currentTarget }) => void capture.chooseMicrophone(currentTarget.value)}
          />
        )}
        <div>
          <p className={classes.label}>{t('device.sound')}</p>
          <LevelMeter stream={snapshot.stream} muted={snapshot.muted} />
        </div>
        {controls.torch && (
          <label className={classes.check}>
            <input type="checkbox" checked={torch} onChange={({ currentTarget }) => void capture.torch(currentTarget.checked)} />
            {t('device.torch')}
          </label>
        )}
        {controls.zoom && <Zoom {...controls.zoom} choose={(value) => void capture.zoom(value)} />}
        {canShareScreen && (
          <Button
            variant="default"
            onClick={() => {
              void (source === 'camera' ? capture.shareScreen() : capture.start());
              close();
            }}
          >
            {source === 'camera' ? t('device.screen') : t('device.screen.stop')}
          </Button>
        )}
      </div>
    </Modal>
  );
}

interface ZoomProps {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly choose: (value: number) => void;
}

function Zoom({ min, max, step, value, choose }: ZoomProps) {
  const id = useId();
  return (
    <div>
      <label className={classes.label} htmlFor={id}>
        {t('device.zoom')}
      </label>
      <input
        id={id}
        className={classes.range}
        type="range"
        min={min}
        max={max}
        step={step}
        defaultValue={value}
        onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
      />
    </div>
  );
}
