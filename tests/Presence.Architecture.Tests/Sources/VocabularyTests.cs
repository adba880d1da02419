namespace Presence.Architecture.Tests.Sources;

/// <summary>The names of the first version, which nobody outside the project understood, are gone.</summary>
public sealed class VocabularyTests
{
    private const string Old = """
        PresenceProcess StartProcess ProcessEnded ITopicWatch TopicPosition IPresenceHomeGrain TopicHome
        TopicHomeMovedException IPresenceLeaseGrain Detour UseFastProfile PollPeriod OutboxFrames OutboxBytes
        ObserverBacklog WatchBacklog LeaveState StopProlonging IUniqueTerm IUniqueArbiter IUniqueContest EnterAsync
        WinAsync LeaseAnswer WatchReleases IClusterLink LinkFrame LinkStatus IClusterReceiver AskAsync AskedAsync
        MemberGone FarewellTimeout FarewellFrame ObituaryFrame Healing Healed IDrainStep ShowPresence ChannelEnd
        ChannelEndKind SocketConnect MetasChange PollWindow MaxPollBytes DiffWindow PresenceAdmin ClusterStorm
        StormReport FewestOperations Lateness HoldBack presence.grains.detours presence.handler.condensed
        presence.mailbox.refused presence.tokens.refused presence.sockets.refused presence.channels.crashed
        presence.transfers Graves Bury Namesake NamesakeVerdict OwnName Showing ShowAll HideAll FallBack Liveness
        IsComposed ForgiveOwnPause RepairDesk RepairAnswer ShardPeers OwnReplica OwnEntries Outbox Born Advertised
        ReplicaDots ShardOutput CarryOut RunAlone Exclusively ExecuteHeld TryEnterSoon t_inside PatienceInside MostLooks
        MostForOthers HandlerPump OccasionalLog Contiguity Waive DotOrder DiffStreams TopicFeed FeedTarget
        RecentlyEmptied SiloStreams SiloQueue DeltaQueue DeltaQueues ClaimBoard ClaimMachine ClaimContest LostSignal
        TopicPicture _doubted IsSettled SocketDoor Admission StraightStream StraightUpgrade ThroughTheServer Belongings
        TopicTable JoinedTopic SocketTable LeaseTable ObserverTable SocketWriters WireWords WireEvents WireReasons
        ClusterDiary ClusterWatch AdminGate AttemptLimiter ShopperTally StatsPublication MemberPlace DrainTogether
        OrleansStopsInTurn KeysInPostgres NoLifetime EngineChoice InPlainForm RefuseOthers House Arrows_between_rooms
        Packages_of_rooms Promises_of_the_code What_libraries_offer Writing_a_surface Life_of_members Two_with_one_name
        Tails_of_topics Callbacks_that_want_each_other Arbiters_of_ones_own Texts_of_frames No_way_in_for_shoppers
        One_member A_resource_and_a_line SocketSession LongPollSession LongPollSessions farewell obituary
        """;

    private static readonly HashSet<string> Words =
        [.. Old.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];

    [Fact]
    public void Names_of_the_first_version_are_gone()
    {
        var word = new Regex(@"[A-Za-z_][A-Za-z0-9_]*(\.[a-z_]+)*");
        var found =
            from file in Repository.TextFiles
            where file is not "CHANGELOG.md" && !file.StartsWith("docs/decisions/", StringComparison.Ordinal)
                && !file.EndsWith("/VocabularyTests.cs", StringComparison.Ordinal)
            from line in Repository.Lines(file).Select((text, index) => (Text: text, Number: index + 1))
            from Match match in word.Matches(line.Text)
            from name in (string[])[match.Value, .. match.Value.Split('.')]
            where Words.Contains(name)
            select $"{file}:{line.Number}: {name}";
        Findings.MustBeNone(found.Distinct(), "Use the standard term.");
    }
}
