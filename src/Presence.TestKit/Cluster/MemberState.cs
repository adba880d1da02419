namespace Presence.TestKit;

/// <summary>What a simulated member is doing.</summary>
public enum MemberState
{
    /// <summary>It takes part.</summary>
    Running,

    /// <summary>It is frozen: what is sent to it piles up, and it answers nobody.</summary>
    Paused,

    /// <summary>It says farewell and takes no input any more.</summary>
    Leaving,

    /// <summary>It is gone and never comes back; a later start under its name is another member.</summary>
    Stopped,
}
