import { containerSecurity, namespaceFlags, podSecurity } from './deployment.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

const name = `${appName}-uninstall`;

/**
 * A Job for the case that the controller goes for good: it takes the controller's
 * finalizer off every export, so that nothing waits for a controller that is gone,
 * and its log tells what stays at Criteo.
 */
export function uninstallJob(options: InstallOptions): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: options.namespace, labels: appLabels },
    spec: {
      // It waits for the controller to let go of its Lease, and is not to wait for ever for one that still runs.
      activeDeadlineSeconds: 300,
      backoffLimit: 2,
      template: {
        metadata: { labels: { ...appLabels, 'app.kubernetes.io/component': 'uninstall' } },
        spec: {
          restartPolicy: 'Never',
          serviceAccountName: appName,
          securityContext: podSecurity,
          containers: [
            {
              name: 'uninstall',
              image: options.image,
              imagePullPolicy: options.imagePullPolicy,
              command: ['node', '/app/controller.mjs'],
              args: ['--release-finalizers', ...namespaceFlags(options)],
              resources: options.resources,
              securityContext: containerSecurity,
            },
          ],
        },
      },
    },
  };
}

/** What stands above the Job in dist/uninstall.yaml. */
export function uninstallSteps({ namespace }: InstallOptions): string {
  return `# How the controller goes for good:
#
# 1. Delete the exports, while the controller runs and the connections and their Secrets are there, and wait. Those with
#    spec.deletionPolicy Empty or Delete go when Criteo has acknowledged it, an hour later at the latest; events of
#    theirs (LeftAtCriteo) and the controller's log name what stayed there.
#      kubectl delete criteosegmentexports --all --all-namespaces
# 2. Remove the controller.
#      kubectl delete deployment ${appName} --namespace ${namespace}
# 3. Let go of every export that is still there: else it would wait for a controller that is gone.
#      kubectl apply --filename dist/uninstall.yaml
#      kubectl wait --for=condition=Complete --timeout=300s job/${name} --namespace ${namespace}
#      kubectl logs job/${name} --namespace ${namespace}
# 4. Remove the rest: with the CRDs go all connections and exports. The volume claims of ledgers stay.
#      kubectl delete --filename dist/install.yaml
`;
}
