// Buttons that lead somewhere, with the types of the router.
import { ActionIcon, type ActionIconProps, Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

type Of<Props> = Props & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof Props> & { ref?: Ref<HTMLAnchorElement> };

export const LinkButton = createLink((props: Of<ButtonProps>) => <Button component="a" {...props} />);
export const LinkIcon = createLink((props: Of<ActionIconProps>) => <ActionIcon component="a" {...props} />);
export const LinkText = createLink((props: Of<AnchorProps>) => <Anchor {...props} />);
